"""params.yaml as typed, validated objects; the one place that knows presets.

`load()` gives a `Settings`; `settings.preset("sample")` gives that preset's block. Both are frozen. A mistake
in the file is a `UserError` that names the key's path, what was expected and an example.
"""

import json
from pathlib import Path
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, Field, ValidationError, model_validator

from pipeline.errors import UserError
from pipeline.params_file import explained, read_params
from pipeline.settings.base import Block, Count, each_once
from pipeline.settings.data import GIVES, KINDS, SCALES, Collection, Composition, Dataset, Kind, Part, Recipe, Role
from pipeline.settings.efficiency import Efficiency
from pipeline.settings.method import (
    CRITERIA_SOURCE,
    Configuration,
    Criteria,
    Criterion,
    Game,
    Objective,
    nothing_unread,
)
from pipeline.settings.recipes import (
    CRIA,
    TRUNK,
    CriaPhase,
    PhaseSettings,
    TrunkPhase,
    module_of,
    phases,
    recipe_of,
)
from pipeline.settings.restoration import CHECKPOINTS, AtScale1, Interpolation, Restoration, Rival
from pipeline.settings.training import (
    VGG128_CROP,
    Discriminator,
    FeatureSource,
    MaskInput,
    Network,
    Perceptual,
    Run,
    Schedule,
    Start,
    Training,
    WeightName,
    WeightOrigin,
)

PARAMS = Path("params.yaml")
SCHEMA = Path("params.schema.json")

__all__ = [
    "CHECKPOINTS",
    "CRIA",
    "CRITERIA_SOURCE",
    "GIVES",
    "KINDS",
    "SCALES",
    "TRUNK",
    "VGG128_CROP",
    "Ablation",
    "AtScale1",
    "Collection",
    "Composition",
    "Configuration",
    "CriaPhase",
    "Criteria",
    "Criterion",
    "Dataset",
    "Discriminator",
    "Efficiency",
    "FeatureSource",
    "Game",
    "Interpolation",
    "Kind",
    "MaskInput",
    "Metric",
    "Network",
    "Objective",
    "Part",
    "Perceptual",
    "PhaseSettings",
    "Preset",
    "Protocol",
    "Recipe",
    "Restoration",
    "Rival",
    "Role",
    "Run",
    "Schedule",
    "Settings",
    "Start",
    "Study",
    "Training",
    "TrunkPhase",
    "WeightName",
    "WeightOrigin",
    "load",
    "module_of",
    "phases",
    "recipe_of",
    "schema",
]

Metric = Literal["psnr", "ssim", "lpips", "lpips_vgg", "dists", "niqe", "psnr_y", "ssim_y"]
PresetName = Literal["sample", "lab", "paper"]
MethodName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", examples=["real_esrgan"])]


class Study(Block):
    """The axes of the matrices in dvc.yaml."""

    datasets: list[Dataset]
    training_sets: list[Dataset]
    transfer_sets: Annotated[
        list[Dataset], Field(description="without training images: restored by the generators of transfer_from")
    ]
    transfer_from: Annotated[
        Dataset,
        Field(examples=["ntire2020"], description="the training set whose generators restore transfer_sets"),
    ]
    rival_sets: Annotated[list[Dataset], Field(description="restored by references and rivals alone")]
    configurations: list[str]
    weights: list[WeightName]
    interpolations: list[Interpolation]
    rivals: list[str]

    @model_validator(mode="after")
    def _every_dataset_once(self) -> Self:
        if sorted(self.datasets) != sorted([*self.training_sets, *self.transfer_sets, *self.rival_sets]):
            raise ValueError("datasets must be training_sets, transfer_sets and rival_sets together, each once")
        return self

    @model_validator(mode="after")
    def _trained(self) -> Self:
        if self.transfer_from not in self.training_sets:
            raise ValueError(f"transfer_from is {self.transfer_from}, which training_sets does not name")
        return self

    def trained_on(self, dataset: Dataset) -> Dataset | None:
        """The training set whose generators restore a dataset; None where only references and rivals do."""
        if dataset in self.training_sets:
            return dataset
        return self.transfer_from if dataset in self.transfer_sets else None


class Ablation(Block):
    """Tables V and VI: which configurations, trained on what."""

    data: Dataset
    table_5: Annotated[
        list[str], Field(min_length=1, description="rows of Table V; the paper's stand first, in its order")
    ]
    table_6: Annotated[
        list[str],
        Field(min_length=1, description="rows of Table VI; the paper's stand first, in its order"),
    ]

    @property
    def configurations(self) -> list[str]:
        """Every configuration of both tables, once, in order."""
        return list(dict.fromkeys([*self.table_5, *self.table_6]))

    def tables_of(self, configuration: str) -> tuple[str, ...]:
        """Numerals of the tables that a configuration is a row of."""
        return tuple(
            numeral for numeral, rows in (("V", self.table_5), ("VI", self.table_6)) if configuration in rows
        )


class Protocol(Block):
    """How images are scored."""

    border: Annotated[int, Field(ge=0, examples=[4], description="pixels left out at each edge (PSNR, SSIM, NIQE)")]
    metrics: list[Metric]


class Preset(Block):
    """The size of the study: its data, networks, objective and schedules."""

    label: Annotated[str, Field(min_length=1, description="which data this is: printed on every table")]
    datasets: dict[Dataset, Composition]
    network: Network
    discriminator: Discriminator
    perceptual: Perceptual
    objective: Objective
    pretrained: Annotated[
        tuple[WeightOrigin, ...],
        Field(strict=False, min_length=1, description="where networks trained by others are taken from, in order"),
    ]
    trunk: Schedule
    training: Training
    seeds: Annotated[
        list[Count],
        AfterValidator(each_once),
        Field(min_length=1, examples=[[1, 2, 3]], description="of Tables V and VI"),
    ]
    restore: Restoration
    efficiency: Efficiency
    run: Run

    @model_validator(mode="after")
    def _whole_crops(self) -> Self:
        if self.discriminator.kind == "vgg128" and self.training.crop != VGG128_CROP:
            raise ValueError(
                f"`discriminator.kind: vgg128` judges crops of {VGG128_CROP} px only, but training.crop is "
                f"{self.training.crop}; set training.crop to {VGG128_CROP} or choose patchgan or unet"
            )
        return self

    @model_validator(mode="after")
    def _reductions(self) -> Self:
        for name, composition in self.datasets.items():
            if SCALES[name] == 1 and composition.recipe is not None and composition.recipe.kind == "kernels":
                raise ValueError(
                    f"{name} is at scale 1, and KernelGAN estimates the kernel of a reduction; its recipe can be "
                    "noise or second_order"
                )
        return self

    def dataset(self, name: Dataset) -> Composition:
        """What one dataset is composed of. Raises `UserError` when the preset does not have it."""
        if name not in self.datasets:
            raise UserError(f"this preset has no dataset {name!r}; params.yaml has {', '.join(self.datasets)}")
        return self.datasets[name]


class Settings(Block):
    """The whole of params.yaml."""

    presets: Annotated[list[PresetName], Field(min_length=1)]
    mirror: str | None = None
    configurations: dict[str, Annotated[Configuration, AfterValidator(nothing_unread)]]
    rivals: dict[MethodName, Rival]
    criteria: Criteria
    study: Study
    ablation: Ablation
    protocol: Protocol
    sample: Preset
    lab: Preset
    paper: Preset

    @model_validator(mode="after")
    def _known(self) -> Self:
        for key, named in (
            ("study.configurations", self.study.configurations),
            ("ablation.table_5", self.ablation.table_5),
            ("ablation.table_6", self.ablation.table_6),
        ):
            if unknown := sorted(set(named) - set(self.configurations)):
                raise ValueError(f"{key} has {', '.join(unknown)}; known are {', '.join(self.configurations)}")
        if self.ablation.data not in self.study.training_sets:
            raise ValueError(f"ablation.data is {self.ablation.data}, which study.training_sets does not name")
        for name in self.presets:
            missing = sorted(set(self.study.datasets) - set(self.preset(name).datasets))
            if missing:
                raise ValueError(f"{name}.datasets lacks {', '.join(missing)}, which study.datasets names")
        return self

    @model_validator(mode="after")
    def _rivals(self) -> Self:
        if unknown := sorted(set(self.study.rivals) - set(self.rivals)):
            raise ValueError(f"study.rivals has {', '.join(unknown)}; known are {', '.join(self.rivals)}")
        taken = {"identity", *get_args(Interpolation), *self.configurations}
        if twice := sorted(taken & set(self.rivals)):
            raise ValueError(f"rivals has {', '.join(twice)}, the name of another method; rename the rival")
        wanted = {self.rivals[name].weights for name in self.study.rivals} - {None, *self.study.weights}
        if lacking := sorted(map(str, wanted)):
            raise ValueError(f"study.weights lacks {', '.join(lacking)}, which rivals of study.rivals are made of")
        return self

    def preset(self, name: str) -> Preset:
        """The block of one preset. Raises `UserError` when there is no such preset."""
        preset = getattr(self, name, None)
        if not isinstance(preset, Preset):
            known = [key for key in type(self).model_fields if isinstance(getattr(self, key), Preset)]
            raise UserError(f"there is no preset {name!r}; params.yaml has {', '.join(known)}")
        return preset

    def rows(self, training_set: Dataset) -> list[str]:
        """The rows that are trained on a training set: the comparison's, and the ablations' where it is theirs."""
        ablation = self.ablation.configurations if training_set == self.ablation.data else []
        return list(dict.fromkeys([*self.study.configurations, *ablation]))

    def configuration(self, name: str) -> Configuration:
        """One configuration. Raises `UserError` when params.yaml has none of that name."""
        if name not in self.configurations:
            raise UserError(f"there is no configuration {name!r}; params.yaml has {', '.join(self.configurations)}")
        return self.configurations[name]


def load(path: Path = PARAMS) -> Settings:
    """Read and check params.yaml.

    Raises `UserError` for a missing file, broken YAML, a value that YAML 1.1 and 1.2 read differently
    (Snakemake and DVC would disagree), or a value that the models above refuse.
    """
    values = read_params(path)
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        lines = [explained(item, path, Settings.model_json_schema()) for item in error.errors()]
        raise UserError("\n".join(lines)) from None


def schema() -> str:
    """The JSON schema of params.yaml, for editors (`params.schema.json`, kept in step by a test)."""
    return json.dumps(Settings.model_json_schema(), indent=2) + "\n"

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
from pipeline.settings.study import JUDGES, Ablation, Metric, Protocol, Study
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
    "JUDGES",
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

PresetName = Literal["sample", "lab", "paper"]
MethodName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", examples=["real_esrgan"])]


class Preset(Block):
    """The size of the study: its data, networks, objective and schedules."""

    label: Annotated[str, Field(min_length=1, description="which data this is: printed on every table")]
    datasets: dict[Dataset, Composition]
    network: Network
    discriminator: Discriminator
    perceptual: Perceptual
    objective: Objective
    rivals: Annotated[
        list[str], AfterValidator(each_once), Field(description="names of `rivals`, in the order of the tables")
    ]
    pretrained: Annotated[
        tuple[WeightOrigin, ...],
        Field(strict=False, min_length=1, description="where networks trained by others are taken from, in order"),
    ]
    trunk: Schedule
    training: Training
    seeds: Annotated[
        list[Count],
        AfterValidator(each_once),
        Field(min_length=1, examples=[[1, 2, 3]], description="of every row that is trained"),
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
                raise ValueError(f"{name}.datasets lacks {', '.join(missing)}, which study.sets names")
        return self

    @model_validator(mode="after")
    def _rivals(self) -> Self:
        for name in get_args(PresetName):
            if unknown := sorted(set(self.preset(name).rivals) - set(self.rivals)):
                raise ValueError(f"{name}.rivals has {', '.join(unknown)}; known are {', '.join(self.rivals)}")
        taken = {"identity", *get_args(Interpolation), *self.configurations}
        if twice := sorted(taken & set(self.rivals)):
            raise ValueError(f"rivals has {', '.join(twice)}, the name of another method; rename the rival")
        return self

    def preset(self, name: str) -> Preset:
        """The block of one preset. Raises `UserError` when there is no such preset."""
        preset = getattr(self, name, None)
        if not isinstance(preset, Preset):
            known = [key for key in type(self).model_fields if isinstance(getattr(self, key), Preset)]
            raise UserError(f"there is no preset {name!r}; params.yaml has {', '.join(known)}")
        return preset

    def weights(self, preset: str) -> list[WeightName]:
        """The published weights that a preset needs: those that its metrics judge with, and its rivals'."""
        judges = [name for metric in self.protocol.metrics for name in JUDGES.get(metric, ())]
        rivals = [self.rivals[name].weights for name in self.preset(preset).rivals]
        return list(dict.fromkeys([*judges, *(name for name in rivals if name)]))

    def rows(self, training_set: Dataset) -> list[str]:
        """The rows that are trained on a training set: the comparison's, and the ablations' where it is theirs."""
        ablation = self.ablation.configurations if training_set == self.ablation.data else []
        return list(dict.fromkeys([*self.study.configurations, *ablation]))

    @property
    def ablated(self) -> frozenset[str]:
        """The rows of Tables V and VI that no table of the comparison has."""
        return frozenset(self.ablation.configurations) - frozenset(self.study.configurations)

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

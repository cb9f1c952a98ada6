"""params.yaml as typed, validated objects; the one place that knows presets.

`load()` gives a `Settings`; `settings.preset("sample")` gives that preset's block. Both are frozen. A mistake
in the file is a `UserError` that names the key's path, what was expected and an example.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipeline.errors import UserError
from pipeline.params_file import explained, read_params

PARAMS = Path("params.yaml")
SCHEMA = Path("params.schema.json")

CRITERIA_SOURCE = Path(__file__).parent / "criteria" / "maps.py"


def _known_criterion(name: str) -> str:
    """Refuse a criterion that no code computes: those of Fig. 3, and every function marked `@criterion`."""
    # Read as text: importing the functions would import torch, which costs every command seconds.
    marked = re.findall(r"^@criterion\ndef (\w+)", CRITERIA_SOURCE.read_text(encoding="utf-8"), re.MULTILINE)
    known = ["pix", "perc_bottom", "perc_top", "adv", *marked]
    if name not in known:
        raise ValueError(f"unknown criterion; known are {', '.join(map(repr, known))}")
    return name


Criterion = Annotated[str, AfterValidator(_known_criterion)]
Dataset = Literal["realsr", "ntire2020", "camerasr", "realsr_zero"]
FeatureSource = Literal["vgg19_torchvision", "vgg16_lpips"]
Metric = Literal["psnr", "ssim", "psnr_y", "ssim_y"]
Game = Literal["relativistic", "vanilla", "lsgan"]

PositiveInt = Annotated[int, Field(ge=1, examples=[16])]
Count = Annotated[int, Field(ge=0, examples=[0])]
LearningRate = Annotated[float, Field(gt=0, le=1, examples=[1.0e-4])]
Weight = Annotated[float, Field(ge=0, examples=[0.01])]
Iterations = Annotated[tuple[PositiveInt, ...], Field(strict=False, examples=[[50000, 100000]])]

SCALES: Mapping[Dataset, int] = {"realsr": 4, "ntire2020": 4, "camerasr": 1, "realsr_zero": 4}
"""Upscaling factor of each dataset. CameraSR is evaluated at scale 1 (facts: LR and HR have one size)."""

VGG128_CROP = 128
"""The one side, in pixels, of the crops that the VGG-128 discriminator judges."""


class Block(BaseModel):
    """A block of params.yaml: unknown keys refused, types exact, numbers finite, values frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Configuration(Block):
    """What a generator is trained with: a row of Table V or VI."""

    branches: bool = Field(description="two sub-branches I_align and I_unif; false is the plain RRDB")
    mask: bool = Field(description="spatial masks S and 1 - S fuse the branches; false is their mean")
    align: bool = Field(description="the comparative term L_align (Eq. 8)")
    unif: bool = Field(description="the comparative term L_unif (Eq. 9)")
    anchor: Criterion = Field(default="pix", description="the criterion that the others are compared with")
    positives: Annotated[tuple[Criterion, ...], Field(strict=False, examples=[["ssim", "perc_bottom"]])] = ()
    negatives: Annotated[tuple[Criterion, ...], Field(strict=False, examples=[["perc_top", "adv"]])] = ()

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if (self.mask or self.align or self.unif) and not self.branches:
            raise ValueError("mask, align and unif need `branches: true` (the plain RRDB has no branches)")
        if self.align and not self.positives:
            raise ValueError("`align: true` needs positives, e.g. [ssim, perc_bottom]")
        if self.unif and not self.negatives:
            raise ValueError("`unif: true` needs negatives, e.g. [perc_top, adv]")
        used = [self.anchor, *self.positives, *self.negatives]
        twice = sorted({name for name in used if used.count(name) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} stands twice; anchor, positives, negatives are a partition")
        return self


class Objective(Block):
    """Weights of Eq. 11 and the constants of Eqs. 8 (eta) and 9 (temperature)."""

    pix: Weight
    perc: Weight
    adv: Weight
    align: Weight
    unif: Weight
    eta: Annotated[float, Field(gt=0, examples=[2.0])]
    temperature: Annotated[float, Field(gt=0, examples=[2.0])]


class Criteria(Block):
    """How the criteria are read; the defaults are the study's reading of the paper (facts/methods.md 2.5)."""

    pix: Annotated[Literal["l1", "l2"], Field(description="norm over the channels of C_pix")] = "l1"
    adversarial: Annotated[Game, Field(description="of C_adv, L_adv and the discriminator")] = "relativistic"
    reading: Annotated[
        Literal["maps", "scalars"],
        Field(description="what the comparative terms compare: raw maps, or batch means times Eq. 11's weights"),
    ] = "maps"
    halve_unif: Annotated[bool, Field(description='the "/2" of Fig. 4 on L_unif')] = False


class Study(Block):
    """The axes of the matrices in dvc.yaml."""

    datasets: list[Dataset]
    datasets_x4: list[Dataset]
    datasets_x1: list[Dataset]
    training_sets: list[Dataset]
    configurations: list[str]

    @model_validator(mode="after")
    def _scales(self) -> Self:
        for scale, names in ((4, self.datasets_x4), (1, self.datasets_x1)):
            wrong = [name for name in names if SCALES[name] != scale]
            if wrong:
                raise ValueError(f"datasets_x{scale} has {', '.join(wrong)}, which is not a scale-{scale} set")
        if sorted(self.datasets) != sorted([*self.datasets_x4, *self.datasets_x1]):
            raise ValueError("datasets must be datasets_x4 and datasets_x1 together")
        unknown = sorted(set(self.training_sets) - set(self.datasets))
        if unknown:
            raise ValueError(f"training_sets has {', '.join(unknown)}, which is not in datasets")
        return self


class Ablation(Block):
    """Tables V and VI: which configurations, trained on what, with which seeds."""

    data: Dataset
    seeds: Annotated[list[Count], Field(min_length=1, examples=[[1, 2, 3]])]
    table_5: Annotated[list[str], Field(min_length=1, description="rows of Table V, in order")]
    table_6: Annotated[list[str], Field(min_length=1, description="rows of Table VI, in order")]

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

    border: Annotated[int, Field(ge=0, examples=[4], description="pixels left out at each edge (PSNR, SSIM)")]
    metrics: list[Metric]


class DatasetSize(Block):
    """How many images a dataset has by role, and the side of a square HR image in pixels."""

    train: Count = 0
    target: Count = 0
    validation: Count = 0
    test: PositiveInt
    size: Annotated[int, Field(ge=32, multiple_of=16, examples=[192])]


class Degradation(Block):
    """The Impressionism track-1 recipe: noise patches from smooth regions of the source photographs."""

    noise_patch: Annotated[int, Field(ge=8, examples=[256], description="side of a noise patch in pixels")]
    noise_variance: Annotated[float, Field(gt=0, examples=[20.0], description="largest grey variance")]


class Network(Block):
    """The generator (as published: features 64, blocks 23, growth 32, branch_blocks 3)."""

    layout: Annotated[
        Literal["paper", "released"],
        Field(description="of a generator with branches: the paper's text, or the authors' checkpoint"),
    ] = "paper"
    features: PositiveInt
    blocks: PositiveInt
    growth: PositiveInt
    branch_blocks: PositiveInt


class Discriminator(Block):
    """The discriminator (EDL and Impressionism track 2: patchgan, features 64, layers 3)."""

    kind: Literal["patchgan", "vgg128", "unet"] = "patchgan"
    features: PositiveInt
    layers: Annotated[int | None, Field(ge=1, examples=[3], description="of a patchgan only")] = None

    @model_validator(mode="after")
    def _layers_of_a_patchgan(self) -> Self:
        if (self.kind == "patchgan") != (self.layers is not None):
            raise ValueError("`kind: patchgan` needs layers, e.g. 3; vgg128 and unet have none to choose")
        return self


class Perceptual(Block):
    """Where the perceptual criteria take their features from."""

    sources: Annotated[tuple[FeatureSource, ...], Field(min_length=1, strict=False)]
    bottom: Annotated[str, Field(pattern=r"^conv\d_\d$", examples=["conv1_2"])]
    top: Annotated[str, Field(pattern=r"^conv\d_\d$", examples=["conv5_4"])]


class Schedule(Block):
    """One training: Adam (0.9, 0.999), learning rate halved at the given iterations."""

    iterations: PositiveInt
    batch: PositiveInt
    crop: Annotated[int, Field(ge=32, multiple_of=16, examples=[128], description="side of an HR crop")]
    learning_rate: LearningRate
    halve_at: Iterations
    ema: Annotated[
        float, Field(ge=0, lt=1, examples=[0.999], description="decay of the weights' average; 0 keeps none")
    ] = 0.0


class Run(Block):
    """How every training of a preset is run."""

    seed: Count
    threads: Annotated[int, Field(ge=1, le=64, examples=[2], description="CPU threads: results depend on it")]
    device: Literal["auto", "cpu", "cuda"]
    log_every: PositiveInt
    validate_every: PositiveInt
    checkpoint_every: PositiveInt
    precision: Annotated[
        Literal["fp32", "bf16"], Field(description="of the networks' forwards; losses are float32 in both")
    ] = "fp32"
    channels_last: Annotated[bool, Field(description="memory layout of the networks")] = False
    compile: Annotated[bool, Field(description="torch.compile of the generator")] = False


class Preset(Block):
    """The size of the study: its data, networks and schedules."""

    label: Annotated[str, Field(min_length=1, description="which data this is: printed on every table")]
    source: Literal["standin"]
    datasets: dict[Dataset, DatasetSize]
    degradation: Degradation
    network: Network
    discriminator: Discriminator
    perceptual: Perceptual
    trunk: Schedule
    training: Schedule
    run: Run

    @model_validator(mode="after")
    def _whole_crops(self) -> Self:
        if self.discriminator.kind == "vgg128" and self.training.crop != VGG128_CROP:
            raise ValueError(
                f"`discriminator.kind: vgg128` judges crops of {VGG128_CROP} px only, but training.crop is "
                f"{self.training.crop}; set training.crop to {VGG128_CROP} or choose patchgan or unet"
            )
        return self

    def dataset(self, name: Dataset) -> DatasetSize:
        """The size of one dataset. Raises `UserError` when the preset does not have it."""
        if name not in self.datasets:
            raise UserError(f"this preset has no dataset {name!r}; params.yaml has {', '.join(self.datasets)}")
        return self.datasets[name]


class Settings(Block):
    """The whole of params.yaml."""

    presets: Annotated[list[Literal["sample"]], Field(min_length=1)]
    mirror: str | None = None
    configurations: dict[str, Configuration]
    objective: Objective
    criteria: Criteria
    study: Study
    ablation: Ablation
    protocol: Protocol
    sample: Preset

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

    def preset(self, name: str) -> Preset:
        """The block of one preset. Raises `UserError` when there is no such preset."""
        preset = getattr(self, name, None)
        if not isinstance(preset, Preset):
            known = [key for key in type(self).model_fields if isinstance(getattr(self, key), Preset)]
            raise UserError(f"there is no preset {name!r}; params.yaml has {', '.join(known)}")
        return preset

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

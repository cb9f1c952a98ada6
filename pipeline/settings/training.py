"""Networks, schedules and how a training is run."""

import re
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from pipeline.settings.base import Block, Count, Iterations, LearningRate, PositiveInt

FeatureSource = Literal["vgg19_torchvision", "vgg16_lpips"]
Start = Literal["trunk", "scratch"]
MaskInput = Literal["lr", "lr_and_features"]
WeightOrigin = Literal["package", "official"]
"""Where a network trained by others is taken from: pipeline/weights/registry.py `Origin.kind`."""

REGISTRY = Path(__file__).parents[1] / "weights" / "registry.yaml"

VGG128_CROP = 128
"""The one side, in pixels, of the crops that the VGG-128 discriminator judges."""


@cache
def _weights() -> list[str]:
    """The top-level keys of the registry, read as text, as those of the collections are."""
    return re.findall(r"^([a-z]\w*):", REGISTRY.read_text(encoding="utf-8"), re.MULTILINE)


def _known_weight(name: str) -> str:
    if name not in _weights():
        raise ValueError(f"unknown weight; known are {', '.join(map(repr, _weights()))}")
    return name


WeightName = Annotated[str, AfterValidator(_known_weight)]
"""A network trained by others: an entry of pipeline/weights/registry.yaml."""


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
    mask_input: Annotated[
        MaskInput,
        Field(description="what F_beta of the layout `paper` sees: I_LR, or beside it the features of the trunk"),
    ] = "lr"

    @model_validator(mode="after")
    def _mask_input_of_the_papers_layout(self) -> Self:
        if self.layout == "released" and self.mask_input != "lr":
            raise ValueError(
                "`layout: released` has a mask network that sees the trunk's image at HR and nothing else; "
                f"`mask_input: {self.mask_input}` is for `layout: paper`"
            )
        return self


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


class Training(Schedule):
    """The training of every configuration of a preset."""

    start: Annotated[
        Start,
        Field(
            description="what the generator starts from: the L1-trained trunk, or fresh weights of the seed alone"
        ),
    ] = "trunk"


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
    recompute: Annotated[
        bool, Field(description="compute activations again for the gradients, in place of keeping them")
    ] = False
    processes: Annotated[
        int,
        Field(ge=1, examples=[4], description="that share a training (torchrun), a GPU each where there are GPUs"),
    ] = 1
    compile: Annotated[bool, Field(description="torch.compile of the generator")] = False

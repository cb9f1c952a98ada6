"""Methods that are not trained here, and how networks restore the test images."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pipeline.settings.base import Block, Count, PositiveInt
from pipeline.settings.training import WeightName

Interpolation = Literal["bicubic", "bicubic_matlab", "lanczos"]
"""Methods without weights at scale 4; at scale 1 there is `identity`."""

AtScale1 = Literal["enlarge_then_reduce", "skip"]

CHECKPOINTS = "checkpoints"
"""The folder of a rival's own file: the graph watches it."""


class Rival(Block):
    """A pretrained network beside the trained ones: weights of the registry, or a file of one's own."""

    title: Annotated[str, Field(min_length=1, examples=["SwinIR"], description="its name in the tables")]
    weights: Annotated[
        WeightName | None,
        Field(examples=["real_esrgan"], description="a name of pipeline/weights/registry.yaml"),
    ] = None
    file: Annotated[
        str | None,
        Field(
            pattern=rf"^{CHECKPOINTS}/[^/]+\.(safetensors|pth|pt)$",
            examples=[f"{CHECKPOINTS}/swinir.safetensors"],
            description=f"a checkpoint in the folder {CHECKPOINTS}",
        ),
    ] = None
    scale: Annotated[Literal[1, 4], Field(description="upscaling factor that the network was trained for")] = 4

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.weights is None) == (self.file is None):
            raise ValueError(
                "a rival needs one of `weights` (a name of pipeline/weights/registry.yaml) and `file` "
                f"({CHECKPOINTS}/...)"
            )
        return self


class Restoration(Block):
    """How networks go over an image; bf16 and an overlap below the receptive field are what changes its result.

    An image larger than `tile` is restored in squares of that side, whose outer `overlap` is thrown away.
    """

    tile: Annotated[
        Count, Field(examples=[256], description="side of a square of the LR image, px; 0: whole images")
    ]
    overlap: Annotated[
        Count, Field(examples=[16], description="LR px around a tile that it sees and does not keep")
    ]
    batch: Annotated[
        PositiveInt | Literal["auto"], Field(description="tiles, or images of one size, that go at once")
    ] = "auto"
    precision: Literal["fp32", "bf16"] = "fp32"
    compile: Annotated[bool, Field(description="torch.compile of the network")] = False
    at_scale_1: Annotated[
        AtScale1,
        Field(
            description="a scale-4 network on a scale-1 set: x4 and antialiased bicubic to a quarter, or not at all"
        ),
    ] = "enlarge_then_reduce"

    @model_validator(mode="after")
    def _a_core_is_left(self) -> Self:
        if self.tile and self.tile <= 2 * self.overlap:
            raise ValueError(
                f"a tile of {self.tile} px keeps nothing inside an overlap of {self.overlap} px a side"
            )
        return self

"""Table VII: how the cost of the networks is measured."""

from typing import Annotated, Literal

from pydantic import Field

from pipeline.settings.base import Block, PositiveInt


class Efficiency(Block):
    """One LR image, batch 1, every network once a round."""

    width: Annotated[int, Field(ge=8, examples=[300], description="of the LR image, px")]
    height: Annotated[int, Field(ge=8, examples=[200], description="of the LR image, px")]
    rounds: Annotated[PositiveInt, Field(description="that count; 9 or more give quartiles that mean something")]
    warm_up: Annotated[PositiveInt, Field(description="rounds before them, thrown away")] = 1
    precision: Literal["fp32", "bf16"] = "fp32"

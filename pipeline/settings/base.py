"""What every block of params.yaml shares: strictness, and the types of its numbers."""

from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field

T = TypeVar("T")

PositiveInt = Annotated[int, Field(ge=1, examples=[16])]
Count = Annotated[int, Field(ge=0, examples=[0])]
LearningRate = Annotated[float, Field(gt=0, le=1, examples=[1.0e-4])]
Weight = Annotated[float, Field(ge=0, examples=[0.01])]
Iterations = Annotated[tuple[PositiveInt, ...], Field(strict=False, examples=[[50000, 100000]])]


def each_once(values: list[T]) -> list[T]:
    """Refuse a value that stands twice: the second one changes nothing."""
    if twice := sorted({str(value) for value in values if values.count(value) > 1}):
        raise ValueError(f"{', '.join(twice)} stands twice")
    return values


class Block(BaseModel):
    """A block of params.yaml: unknown keys refused, types exact, numbers finite, values frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

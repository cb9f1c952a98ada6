"""What is compared with what, and how images are scored: the same at every preset."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from pipeline.settings.base import Block, each_once
from pipeline.settings.data import SCALES, Dataset
from pipeline.settings.restoration import Interpolation
from pipeline.settings.training import WeightName

Metric = Literal["psnr", "ssim", "lpips", "lpips_vgg", "dists", "niqe", "psnr_y", "ssim_y"]
JUDGES: Mapping[Metric, tuple[WeightName, ...]] = {
    "lpips": ("alexnet_lpips",),
    "lpips_vgg": ("vgg16_lpips",),
    "dists": ("vgg16_lpips", "dists"),
    "niqe": ("niqe",),
}
"""The published weights that a metric judges with; the others need none."""


class Study(Block):
    """The axes of the matrices in dvc.yaml."""

    sets: Annotated[
        dict[Dataset, Dataset | None],
        Field(description="each dataset with the training set whose rows restore it; null: no trained row does"),
    ]
    training_sets: Annotated[
        list[Dataset], AfterValidator(each_once), Field(description="those that sets names, for DVC's matrices")
    ]
    configurations: list[str]
    interpolations: list[Interpolation]

    @model_validator(mode="after")
    def _restored(self) -> Self:
        named = [training_set for training_set in self.sets.values() if training_set]
        if set(self.training_sets) != set(named):
            raise ValueError(f"training_sets must be those that sets names: {', '.join(dict.fromkeys(named))}")
        for dataset, training_set in self.sets.items():
            if training_set and SCALES[dataset] != SCALES[training_set]:
                raise ValueError(
                    f"sets has {dataset}: {training_set}, a dataset at scale {SCALES[dataset]} and a training set "
                    f"at scale {SCALES[training_set]}"
                )
            if training_set and self.sets.get(training_set) != training_set:
                raise ValueError(f"sets must have {training_set}: {training_set}, as {dataset} names it")
        return self

    @property
    def datasets(self) -> list[Dataset]:
        """Every dataset of the study, in order."""
        return list(self.sets)


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

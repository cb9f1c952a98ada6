"""What each dataset of the study is composed of, and how low resolution is made of its clean images."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, Field, model_validator

from pipeline.settings.base import Block, Count, PositiveInt

Dataset = Literal["realsr", "ntire2020", "camerasr", "realsr_zero", "calibration"]
"""A place in the study: Table II is about `realsr`, whatever images fill it at a preset.

`calibration` is no set of the paper: on its pairs the study's numbers are held against known ones.
"""
Role = Literal["train", "source", "target", "validation", "test"]

Kind = Literal["pairs", "clean", "real"]
"""What a training can read of a dataset: `pairs` of LR and HR, the dataset's own degradation applied; `clean` HR
images that it degrades itself; `real` photographs at LR, unpaired."""
KINDS: tuple[Kind, ...] = get_args(Kind)
GIVES: Mapping[Kind, str] = {
    "pairs": "train, source or target",
    "clean": "target, source or train",
    "real": "source (real photographs) or train (real pairs)",
}
"""The roles whose images are of a kind."""

SCALES: Mapping[Dataset, int] = {"realsr": 4, "ntire2020": 4, "camerasr": 1, "realsr_zero": 4, "calibration": 4}
"""Upscaling factor of each dataset. CameraSR is evaluated at scale 1 (facts: LR and HR have one size)."""

TESTS: Mapping[Dataset, tuple[str, int]] = {
    "realsr": ("test", 50),
    "ntire2020": ("valid", 100),
    "camerasr": ("iphonex", 20),
    "realsr_zero": ("all", 45),
}
"""The paper's test images (section IV-A): a part of the collection that the dataset is named after, and how many
images of it, the first by id."""

REGISTRY = Path(__file__).parents[1] / "datasets" / "registry.yaml"


@cache
def _collections() -> list[str]:
    """The top-level keys of the registry, read as text: parsing all of it would cost every command time."""
    return re.findall(r"^([a-z]\w*):", REGISTRY.read_text(encoding="utf-8"), re.MULTILINE)


def _known_collection(name: str) -> str:
    if name not in _collections():
        raise ValueError(f"unknown collection; known are {', '.join(map(repr, _collections()))}")
    return name


Collection = Annotated[str, AfterValidator(_known_collection)]
"""Something published that can be fetched: an entry of pipeline/datasets/registry.yaml."""


class Part(Block):
    """Images of one part of a collection; their sorted ids are cut into `roles`, in the order given."""

    collection: Annotated[Collection, Field(examples=["realsr"])]
    part: Annotated[
        str, Field(examples=["train"], description="of that collection, as its registry entry names it")
    ]
    roles: Annotated[
        dict[Role, Count | Literal["rest"]],
        Field(
            min_length=1, examples=[{"train": "rest", "validation": 10}], description="how many images have which"
        ),
    ]

    @model_validator(mode="after")
    def _one_rest(self) -> Self:
        if list(self.roles.values()).count("rest") > 1:
            raise ValueError("only one role can have the rest of the images, e.g. {train: rest, validation: 10}")
        return self


class Recipe(Block):
    """How LR images are made of clean ones (roles `source` and `target`).

    noise: bicubic reduction and noise of the pool (Impressionism, track 1); kernels: a KernelGAN kernel of the
    pool, then noise (track 2); second_order: Real-ESRGAN's, drawn anew for every crop.
    """

    kind: Literal["noise", "kernels", "second_order"]
    noise_patch: Annotated[int | None, Field(ge=8, examples=[256], description="side of a noise patch, px")] = None
    noise_variance: Annotated[float | None, Field(gt=0, examples=[20.0], description="largest grey variance")] = (
        None
    )
    kernel_images: Annotated[
        PositiveInt | None, Field(examples=[200], description="how many images a kernel is estimated from, at most")
    ] = None
    kernel_iterations: Annotated[
        PositiveInt | None, Field(examples=[3000], description="of KernelGAN, an image")
    ] = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        noise = self.kind in ("noise", "kernels")
        wanted = {"noise_patch": noise, "noise_variance": noise}
        wanted |= dict.fromkeys(("kernel_images", "kernel_iterations"), self.kind == "kernels")
        for key, needed in wanted.items():
            if needed and getattr(self, key) is None:
                raise ValueError(f"`kind: {self.kind}` needs {key}")
            if not needed and getattr(self, key) is not None:
                raise ValueError(f"`kind: {self.kind}` has no use for {key}; leave it out")
        return self


class Composition(Block):
    """The images of a dataset: parts of collections, and the recipe for those that are clean.

    `standin` is the side in pixels of square HR stand-ins for those collections, made of photographs that ship
    inside packages; without it the collections themselves are fetched. `real_share` is the share of real pairs
    (role `train`) among the crops that training reads, where there are clean images (`source`, `target`) too;
    without it every image is equally likely to give a crop.
    """

    standin: Annotated[int | None, Field(ge=32, multiple_of=16, examples=[192])] = None
    parts: Annotated[tuple[Part, ...], Field(strict=False)]
    recipe: Recipe | None = None
    real_share: Annotated[
        float | None, Field(gt=0, lt=1, examples=[0.5], description="share of real pairs among training crops")
    ] = None

    @model_validator(mode="after")
    def _possible(self) -> Self:
        named = [(part.collection, part.part) for part in self.parts]
        if len(set(named)) < len(named):
            raise ValueError("a part of a collection stands twice; give it all its roles in one place")
        roles = {role for part in self.parts for role in part.roles}
        if "test" not in roles:
            raise ValueError("no part has the role test: a dataset is what its test images are")
        if roles & {"source", "target"} and self.recipe is None:
            raise ValueError("source and target images need a `recipe` that makes their LR images")
        if self.standin and "rest" in [count for part in self.parts for count in part.roles.values()]:
            raise ValueError("a stand-in needs a number of images for every role, not `rest`")
        return self

    @model_validator(mode="after")
    def _two_kinds_to_share(self) -> Self:
        given = {role for part in self.parts for role, count in part.roles.items() if count != 0}
        if self.real_share is not None and not ("train" in given and given & {"source", "target"}):
            raise ValueError(
                "real_share has no effect without both real pairs (role train) and clean images (role source or "
                "target); leave it out"
            )
        return self

    @property
    def collections(self) -> tuple[str, ...]:
        """The collections, once each, in order."""
        return tuple(dict.fromkeys(part.collection for part in self.parts))

    @property
    def tested(self) -> tuple[str, ...]:
        """The collections that the test images are from."""
        return tuple(dict.fromkeys(part.collection for part in self.parts if "test" in part.roles))

    def official(self, dataset: Dataset) -> bool:
        """Whether the test images are the paper's own, all of them and no others."""
        tested = [part for part in self.parts if "test" in part.roles]
        if self.standin or dataset not in TESTS or len(tested) != 1:
            return False
        part, count = TESTS[dataset]
        first = next(iter(tested[0].roles.items()))
        return (tested[0].collection, tested[0].part, first) == (dataset, part, ("test", count))

"""What a generator is trained with: configurations, the objective, how the criteria are read."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from pipeline.settings.base import Block, Weight
from pipeline.settings.training import Network

CRITERIA_SOURCE = Path(__file__).parents[1] / "criteria" / "maps.py"


def _known_criterion(name: str) -> str:
    """Refuse a criterion that no code computes: those of Fig. 3, and every function marked `@criterion`."""
    # Read as text: importing the functions would import torch, which costs every command seconds.
    marked = re.findall(r"^@criterion\ndef (\w+)", CRITERIA_SOURCE.read_text(encoding="utf-8"), re.MULTILINE)
    known = ["pix", "perc_bottom", "perc_top", "adv", *marked]
    if name not in known:
        raise ValueError(f"unknown criterion; known are {', '.join(map(repr, known))}")
    return name


Criterion = Annotated[str, AfterValidator(_known_criterion)]
Game = Literal["relativistic", "relativistic_detached", "vanilla", "lsgan"]


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

    @property
    def compared(self) -> tuple[Criterion, ...]:
        """The criteria that the comparative terms read, the anchor first; none without such a term."""
        if not (self.align or self.unif):
            return ()
        return (self.anchor, *(self.positives if self.align else ()), *(self.negatives if self.unif else ()))

    def network(self, size: Network) -> dict[str, Any]:
        """The description of the configuration's generator in the sizes of a preset (`networks.Spec`)."""
        trunk = {"features": size.features, "blocks": size.blocks, "growth": size.growth}
        if not self.branches:
            return {"kind": "rrdb", **trunk}
        kind = {"paper": "cria", "released": "released"}[size.layout]
        branches = {"branch_blocks": size.branch_blocks, "masked": self.mask}
        seen = {"mask_input": size.mask_input} if self.mask and size.layout == "paper" else {}
        return {"kind": kind, **trunk, **branches, **seen}


def nothing_unread(configuration: Configuration) -> Configuration:
    """Refuse a part of the partition that params.yaml gives and no term reads.

    For params.yaml alone: the description of a trained model names the defaults too.
    """
    readers = {
        "anchor": {"align": configuration.align, "unif": configuration.unif},
        "positives": {"align": configuration.align},
        "negatives": {"unif": configuration.unif},
    }
    for key, terms in readers.items():
        if key in configuration.model_fields_set and not any(terms.values()):
            raise ValueError(f"nothing reads {key} without `{': true` or `'.join(terms)}: true`; leave it out")
    return configuration


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
    terms_on: Annotated[
        Literal["sr", "branches"],
        Field(
            description="what L_pix and L_adv of Eq. 11 judge: I_SR, or L_pix I_align and L_adv I_unif, "
            "a loss of its own for each branch; L_perc judges I_SR"
        ),
    ] = "sr"
    halve_unif: Annotated[bool, Field(description='the "/2" of Fig. 4 on L_unif')] = False

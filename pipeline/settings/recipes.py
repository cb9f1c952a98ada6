"""What each phase of a row's training reads of params.yaml, and no more.

A row is trained again when, and only when, something here changes; so whatever it does not read is brought to one
canonical value.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pipeline.settings.base import Block
from pipeline.settings.data import Kind
from pipeline.settings.method import Configuration, Criteria, Objective
from pipeline.settings.training import Discriminator, Schedule, Training

if TYPE_CHECKING:
    from pipeline.settings import Settings

TRUNK = "trunk"
"""The row that other rows start from: a plain RRDB trained with L1 alone (rrdb_psnr, as for ESRGAN)."""
CRIA = "cria"
"""The recipe of every configuration of Tables V and VI."""


class PhaseSettings(Block):
    """The settings of a phase. A recipe's own are a subclass."""

    reads: ClassVar[tuple[Kind, ...]] = ("pairs",)
    """The kinds of crops that it reads of a pack; its result depends on no other."""
    schedule: Schedule

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers of the perceptual features that it reads."""
        return ()

    @property
    def modules(self) -> tuple[str, ...]:
        """The modules of its networks that are built from a description, and not imported by the recipe."""
        return ()

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of what it reads: kinds of crops, `trunk`, `features`."""
        return (*self.reads, "features") if self.layers else self.reads


class TrunkPhase(PhaseSettings):
    """L1 alone, on a plain RRDB."""

    network: Mapping[str, Any]

    @property
    def modules(self) -> tuple[str, ...]:
        """The module of the generator."""
        return (module_of(self.network),)


class CriaPhase(PhaseSettings):
    """A configuration of Cria-CL: Eq. 11 in the spatial view.

    Attributes:
        network: the generator's description (`networks.Spec`).
        discriminator: None where no term reads one.
        bottom, top: layers of the perceptual features; None where no term reads them.
    """

    schedule: Training
    network: Mapping[str, Any]
    configuration: Configuration
    objective: Objective
    criteria: Criteria
    discriminator: Discriminator | None
    bottom: str | None
    top: str | None

    @property
    def layers(self) -> tuple[str, ...]:
        """Bottom and top, where they are read."""
        return (self.bottom, self.top) if self.bottom and self.top else ()

    @property
    def modules(self) -> tuple[str, ...]:
        """The module of the generator."""
        return (module_of(self.network),)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The trunk too, where it starts from it."""
        return (*super().inputs, TRUNK) if self.schedule.start == "trunk" else super().inputs


def module_of(network: Mapping[str, Any]) -> str:
    """The module of pipeline/networks that has a described network (`networks.Spec`)."""
    return f"pipeline.networks.{network['kind']}"


def recipe_of(settings: "Settings", row: str) -> str:
    """The name of the recipe, a module of pipeline/recipes, that trains a row.

    Raises `UserError` for a row that is not trained here.
    """
    if row == TRUNK:
        return TRUNK
    settings.configuration(row)
    return CRIA


def phases(settings: "Settings", preset: str, row: str) -> dict[str, PhaseSettings]:
    """The settings of a row's phases by name, in order. Raises `UserError` as `recipe_of`, or for the preset."""
    block = settings.preset(preset)
    if recipe_of(settings, row) == TRUNK:
        size = block.network
        plain = Configuration(branches=False, mask=False, align=False, unif=False)
        return {TRUNK: TrunkPhase(schedule=block.trunk, network=plain.network(size))}
    configuration = settings.configuration(row)
    compared = configuration.compared
    objective = _read_of(block.objective, configuration)
    adversarial = objective.adv > 0 or "adv" in compared
    perceptual = objective.perc > 0 or bool({"perc_bottom", "perc_top"} & set(compared))
    return {
        "training": CriaPhase(
            schedule=block.training,
            network=configuration.network(block.network),
            configuration=configuration,
            objective=objective,
            criteria=_used(settings.criteria, configuration, objective, adversarial=adversarial),
            discriminator=block.discriminator if adversarial else None,
            bottom=block.perceptual.bottom if perceptual else None,
            top=block.perceptual.top if perceptual else None,
        )
    }


def _read_of(objective: Objective, configuration: Configuration) -> Objective:
    """The weights and constants that a configuration reads; those of terms that it has not are 0 and 1."""
    align = {} if configuration.align else {"align": 0.0, "eta": 1.0}
    unif = {} if configuration.unif else {"unif": 0.0, "temperature": 1.0}
    return objective.model_copy(update=align | unif)


def _used(criteria: Criteria, configuration: Configuration, objective: Objective, *, adversarial: bool) -> Criteria:
    """How the criteria are read, where they are; elsewhere the default."""
    read = {
        "pix": objective.pix > 0 or "pix" in configuration.compared,
        "adversarial": adversarial,
        "reading": bool(configuration.compared),
        "terms_on": configuration.branches and objective.pix + objective.adv > 0,
        "halve_unif": configuration.unif,
    }
    return Criteria(**{name: getattr(criteria, name) for name, is_read in read.items() if is_read})

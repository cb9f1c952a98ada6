"""Cria-CL and its ablations, Tables V and VI: every configuration of params.yaml is trained by this one phase.

Generator and discriminator are updated from one graph (`criteria.objective`); the generator starts from the trunk.
"""

from collections.abc import Callable

from torch import Tensor, nn

from pipeline.criteria.judges import Judges, Target
from pipeline.criteria.objective import discriminator_loss, generator_terms
from pipeline.networks import build
from pipeline.networks.cria import start_from
from pipeline.networks.discriminators import build_discriminator
from pipeline.networks.grid import PIXELS
from pipeline.networks.parts import Branched, Parts
from pipeline.settings import TRUNK, CriaPhase
from pipeline.training.phase import Batch, Losses, Phase, Setup


class Cria(Phase[CriaPhase]):
    """Eq. 11 for the generator, the GAN loss of `criteria.adversarial` for the discriminator."""

    def __init__(self, setup: Setup[CriaPhase]) -> None:
        super().__init__()
        self.chosen = chosen = setup.settings
        with setup.weights("generator"):
            self.generator = build(chosen.network, setup.scale)
        if TRUNK in setup.given:
            start_from(self.generator, setup.given[TRUNK])
        with setup.weights("discriminator"):
            self.discriminator = build_discriminator(chosen.discriminator) if chosen.discriminator else None
        self.parts = setup.execute(_parts_of(self.generator), compiled=True)
        self.judges = Judges(
            None if self.discriminator is None else setup.execute(self.discriminator),
            PIXELS if self.discriminator is None else self.discriminator.grid,
            setup.execute(setup.given["features"]) if chosen.layers else None,
            bottom=chosen.bottom or "",
            top=chosen.top or "",
        )

    def losses(self, batch: Batch) -> Losses:
        chosen, parts, target = self.chosen, self.parts(batch.lr), Target(batch.hr, self.judges)
        generator = generator_terms(parts, target, chosen.configuration, chosen.objective, chosen.criteria)
        if self.discriminator is None:
            return {"generator": generator}
        loss = discriminator_loss(parts.sr, target, chosen.criteria.adversarial)
        return {"discriminator": {"adv": loss}, "generator": generator}


def _parts_of(generator: nn.Module) -> Callable[[Tensor], Parts]:
    """The function from LR to parts; the plain RRDB has the image alone."""
    if isinstance(generator, Branched):
        return generator.parts

    def image_alone(lr: Tensor) -> Parts:
        return Parts(generator(lr))

    return image_alone


PHASES = {"training": Cria}

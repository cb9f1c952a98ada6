"""The trunk: a plain RRDB trained with L1 alone, from which others start (facts/methods.md 1.1, `rrdb_psnr`)."""

from collections.abc import Mapping
from typing import ClassVar

from pipeline.criteria.maps import pix
from pipeline.networks import build
from pipeline.settings import TrunkPhase
from pipeline.training.phase import Batch, Losses, Phase, Setup


class Trunk(Phase[TrunkPhase]):
    """One network and one loss."""

    groups: ClassVar[Mapping[str, tuple[str, ...]]] = {"generator": ("generator",)}

    def __init__(self, setup: Setup[TrunkPhase]) -> None:
        super().__init__()
        with setup.weights("generator"):
            self.generator = build(setup.settings.network, setup.scale)
        self.generate = setup.execute(self.generator, compiled=True)

    def losses(self, batch: Batch) -> Losses:
        return {"generator": {"pix": pix(self.generate(batch.lr), batch.hr).mean()}}


PHASES = {"trunk": Trunk}

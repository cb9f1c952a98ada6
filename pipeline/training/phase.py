"""What a recipe says about one phase of a training: which networks there are and who minimises what."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from torch import Tensor, nn

from pipeline.settings import PhaseSettings

S = TypeVar("S", bound=PhaseSettings)

Losses = Mapping[str, Mapping[str, Tensor]]
"""Weighted terms, scalars, by the group of networks that minimises their sum. All share one graph; a group that is
absent is not updated."""


@dataclass(frozen=True)
class Batch:
    """The crops of one iteration that this process computes: float in [0, 1], on the device.

    It has the crops of the kinds that the phase `reads`; to ask for another is a `KeyError`.

    Attributes:
        crops: by the names of the properties.
        context: how many pixels more than an HR crop `clean` has on every side; a multiple of the scale.
    """

    crops: Mapping[str, Tensor]
    context: int = 0

    @property
    def lr(self) -> Tensor:
        """Of `pairs`, B x 3 x crop/scale x crop/scale, the dataset's own degradation applied."""
        return self.crops["lr"]

    @property
    def hr(self) -> Tensor:
        """Of `pairs`, B x 3 x crop x crop."""
        return self.crops["hr"]

    @property
    def clean(self) -> Tensor:
        """HR crops to be degraded, B x 3 x (crop + 2 context) x (crop + 2 context)."""
        return self.crops["clean"]

    @property
    def real(self) -> Tensor:
        """LR crops of real photographs, B x 3 x crop/scale x crop/scale; they belong to no other crop."""
        return self.crops["real"]


class Execute(Protocol):
    """Makes a network, or a method of one, run as `run` of params.yaml says: precision, memory layout, compiled."""

    def __call__(self, forward: Callable[..., Any], *, compiled: bool = False) -> Callable[..., Any]:
        """A function, not a module, so that an attribute that holds it registers nothing twice."""


@dataclass(frozen=True)
class Setup(Generic[S]):
    """What a phase is built from.

    Attributes:
        settings: the phase's settings, of the type that its recipe declares.
        scale: upscaling factor of the training set.
        execute: applied to every network that a phase calls in a step.
        weights: a block within which a network is made; its name decides its fresh weights, with the run's seed.
        given: networks that are read and not trained, on the device, by name: `trunk`, `features`, and the networks
            exported by the recipe's earlier phases.
    """

    settings: S
    scale: int
    execute: Execute
    weights: Callable[[str], AbstractContextManager[None]]
    given: Mapping[str, nn.Module]


class Phase(nn.Module, Generic[S], ABC):
    """The networks of a phase and their losses; its state dict, buffers included, is the checkpoint.

    Networks that are only read must be kept out of it: hold the function that `Setup.execute` gives.
    """

    groups: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "discriminator": ("discriminator",),
        "generator": ("generator",),
    }
    """Attributes by group: each group has an optimiser. A group without any of its networks is left out."""
    exported: ClassVar[str] = "generator"
    """The network that is averaged, validated and kept."""

    def before(self, iteration: int) -> None:
        """Called before the losses of an iteration, from 1; for what is computed anew from time to time."""

    @abstractmethod
    def losses(self, batch: Batch) -> Losses:
        """The losses of one step. List a group whose graph another one shares before that one.

        In `eval` mode, in which the probe is taken, the group of the exported network is among them in any case.
        """

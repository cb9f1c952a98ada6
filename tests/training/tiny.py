"""A tiny experiment on synthetic crops, for the tests and for the processes that they start."""

import dataclasses

import numpy as np
import torch

from pipeline.datasets.packs import Pairs
from pipeline.networks.rrdb import RRDBNet
from pipeline.networks.vgg import VGGFeatures, layer_indices
from pipeline.recipes.cria import Cria
from pipeline.settings import Configuration, CriaPhase, Criteria, Discriminator, Network, Objective, Run, Training
from pipeline.streams import Purpose
from pipeline.training.experiment import Experiment
from pipeline.training.run import trainer_of

FULL = Configuration(
    branches=True,
    mask=True,
    align=True,
    unif=True,
    anchor="pix",
    positives=["ssim", "perc_bottom"],
    negatives=["perc_top", "adv"],
)
PLAIN = Configuration(branches=False, mask=False, align=False, unif=False)
NETWORK = Network(features=8, blocks=1, growth=4, branch_blocks=1)
SETTINGS = CriaPhase(
    schedule=Training(iterations=6, batch=2, crop=32, learning_rate=1e-3, halve_at=[4]),
    network=FULL.network(NETWORK),
    configuration=FULL,
    objective=Objective(pix=0.01, perc=1.0, adv=0.005, align=0.01, unif=0.01, eta=2.0, temperature=2.0),
    criteria=Criteria(),
    discriminator=Discriminator(features=4, layers=2),
    bottom="conv1_2",
    top="conv2_1",
)
EXPERIMENT = Experiment(
    preset="sample",
    training_set="realsr",
    row="full",
    recipe="cria",
    phase="training",
    settings=SETTINGS,
    border=4,
    run=Run(seed=1, threads=1, device="cpu", log_every=2, validate_every=3, checkpoint_every=3),
    seed=1,
    inputs={},
)


class SyntheticPack:
    """Stands in for a pack: crops are pure in the slice; `hook(iteration)` is called at each batch."""

    scale = 4

    def __init__(self, hook=lambda iteration: None):
        self.hook = hook

    def pairs(self, part, crop):
        self.hook(part.iteration)
        rngs = [part.stream(Purpose.CROP, place) for place in range(part.count)]
        hr = torch.stack([torch.from_numpy(rng.integers(0, 256, (3, crop, crop), np.uint8)) for rng in rngs])
        lr = torch.nn.functional.avg_pool2d(hr.float(), 4).byte()
        return Pairs(lr, hr, torch.zeros_like(lr), (), hr[:0], 0)

    def validation(self):
        return []


def vgg_weights():
    """Random weights of VGG-16 up to conv2_1, under torchvision's keys."""
    weights = {}
    for layer, (inputs, outputs) in {"conv1_1": (3, 64), "conv1_2": (64, 64), "conv2_1": (64, 128)}.items():
        index = layer_indices("vgg16")[layer]
        weights[f"features.{index}.weight"] = torch.randn(outputs, inputs, 3, 3) / (3 * inputs**0.5)
        weights[f"features.{index}.bias"] = torch.zeros(outputs)
    return weights


def with_settings(experiment=EXPERIMENT, **values):
    """The experiment with other settings of its phase."""
    return dataclasses.replace(experiment, settings=experiment.settings.model_copy(update=values))


def with_schedule(experiment=EXPERIMENT, **values):
    """The experiment with another schedule."""
    return with_settings(experiment, schedule=experiment.settings.schedule.model_copy(update=values))


def tiny_trainer(hook=lambda iteration: None, experiment=EXPERIMENT):
    """A fresh trainer of the experiment, always the same one; `hook` is called at each batch."""
    torch.manual_seed(7)
    trunk = RRDBNet(NETWORK.features, NETWORK.blocks, NETWORK.growth, 4)
    features = VGGFeatures("vgg16", ("conv1_2", "conv2_1"), vgg_weights())
    return trainer_of(experiment, Cria, SyntheticPack(hook), {"trunk": trunk, "features": features})

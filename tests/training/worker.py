"""What the processes of test_distributed do: `torchrun -m tests.training.worker <what> <folder>`.

Numbers are float64, in which a mistake stands out from rounding.
"""

import dataclasses
import json
import os
import signal
import sys
import time
from pathlib import Path

import torch

from pipeline.criteria import maps
from pipeline.distributed import processes, rank
from pipeline.errors import entry_point
from pipeline.settings import Criteria, Discriminator
from pipeline.training.checkpoints import TrainingState
from pipeline.training.loop import train
from tests.training.tiny import FULL, NETWORK, PLAIN, tiny_trainer, with_schedule, with_settings


@maps.criterion
def edges(image, target):
    """A criterion of one's own, far from the others in size."""
    return 100 * (image - target).diff(dim=-1, append=image[..., :1]).abs().mean(dim=1, keepdim=True)


@maps.criterion
def squares(image, target):
    """Another one."""
    return (image - target).square().mean(dim=1, keepdim=True)


OWN = FULL.model_copy(update={"positives": ("ssim", "edges", "squares", "perc_bottom")})
SHARED = with_schedule(batch=4, ema=0.5)
CASES = {
    "full": SHARED,
    "plain": with_settings(SHARED, configuration=PLAIN, network=PLAIN.network(NETWORK)),
    "scalars": with_settings(SHARED, criteria=Criteria(reading="scalars")),
    "own_criteria": with_settings(SHARED, configuration=OWN, criteria=Criteria(reading="scalars")),
    "unet": with_settings(
        SHARED, discriminator=Discriminator(kind="unet", features=2), criteria=Criteria(adversarial="lsgan")
    ),
}


def run(name, folder, hook=lambda trainer, iteration: None):
    """Train a case with its state in `folder`/`name`."""
    experiment = (
        dataclasses.replace(SHARED, run=SHARED.run.model_copy(update={"device": "cuda"}))
        if name == "cuda"
        else CASES[name]
    )
    trainer = tiny_trainer(lambda iteration: hook(trainer, iteration), experiment)
    train(trainer, TrainingState(folder / name), validate=lambda _: {"psnr": 1.0}, on_record=lambda: None)


def terminate(_, iteration):
    """At iteration 3 SIGTERM to torchrun, which hands it to its processes; they need time to hear of it."""
    if iteration == 3 and rank() == 1:
        os.kill(os.getppid(), signal.SIGTERM)
    if iteration >= 3:
        time.sleep(0.7)


def poison(trainer, iteration):
    """One process alone makes a NaN."""
    if iteration == 5 and rank() == 1:
        trainer.phase.generator.conv_first.weight.data.fill_(float("nan"))


def order(folder):
    """In which order this process goes through a set of criteria."""
    found = set(OWN.positives) & maps.OF_IMAGES.keys()
    (folder / f"order-{rank()}.json").write_text(json.dumps(list(found)))


WORK = {
    "order": order,
    "cases": lambda folder: [run(name, folder) for name in CASES],
    "resume": lambda folder: run("full", folder),
    "terminate": lambda folder: run("full", folder, terminate),
    "poison": lambda folder: run("full", folder, poison),
    "cuda": lambda folder: run("cuda", folder),
}


def main():
    what, folder = sys.argv[1], Path(sys.argv[2])
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    with processes("cuda" if what == "cuda" else "cpu"):
        WORK[what](folder)


if __name__ == "__main__":
    entry_point(main)

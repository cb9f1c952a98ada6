"""A finished training as a folder that others read: weights, description, history, environment, a sample image."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from pipeline.datasets.images import Pixels, write_png
from pipeline.datasets.packs import Pair
from pipeline.files import write_json
from pipeline.networks import parameter_count
from pipeline.networks.parts import Branched, Parts
from pipeline.training.checkpoints import TrainingState
from pipeline.training.experiment import marker
from pipeline.training.trainer import Trainer


def export(
    trainer: Trainer,
    state: TrainingState,
    pair: Pair,
    environment: Mapping[str, Any],
    folder: Path,
) -> None:
    """Write generator.safetensors, model.json, history.jsonl, run.json, sample.png and a marker to `folder`.

    All but run.json (commit, device, versions) are equal for equal settings and inputs on one machine.

    Args:
        pair: shown in the sample image.
    """
    experiment = trainer.experiment
    weights = {name: tensor.cpu().contiguous() for name, tensor in trainer.result.state_dict().items()}
    save_file(weights, folder / "generator.safetensors")
    settings = experiment.described
    description = {
        "run": experiment.run_name,
        "preset": experiment.preset,
        "training_set": experiment.training_set,
        "row": experiment.row,
        "seed": experiment.seed,
        "scale": experiment.scale,
        "network": settings["network"],
        "parameters": parameter_count(trainer.result),
        "settings": settings,
    }
    write_json(folder / "model.json", description)
    write_json(folder / "run.json", dict(environment))
    shutil.copyfile(state.history, folder / "history.jsonl")
    (folder / marker(experiment).name).touch()
    write_png(folder / "sample.png", sample_strip(trainer, pair))


@torch.no_grad()
def sample_strip(trainer: Trainer, pair: Pair) -> Pixels:
    """LR, I_SR, where there are branches I_align, I_unif and the mask, then HR, side by side: uint8 H x W x 3."""
    network, device = trainer.result, trainer.device
    lr = _tensor(pair.lr).to(device)
    parts = network.parts(lr) if isinstance(network, Branched) else Parts(network(lr))
    size = tuple(parts.sr.shape[-2:])
    pictures = (parts.sr, parts.align, parts.unif, parts.drawn_mask)
    shown = [F.interpolate(lr, size=size, mode="nearest"), *(part for part in pictures if part is not None)]
    shown.append(_tensor(pair.hr).to(device)[..., : size[0], : size[1]])
    strip = torch.cat([part.expand(1, 3, *size) for part in shown], dim=3)[0]
    return strip.clamp(0, 1).mul(255).round().permute(1, 2, 0).cpu().numpy().astype(np.uint8)


def _tensor(image: Pixels) -> Tensor:
    return torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 255

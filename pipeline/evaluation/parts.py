"""Take a masked generator's images apart: I_align, I_unif and S of Eq. 10, of a few test images a set.

An image is seen in a square at its centre and what lies around it, never whole, so that memory does not grow with
it. The network runs in float32, whatever `restore.precision` is: the parts are to be looked at, not scored.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pipeline.datasets.alignment import common
from pipeline.datasets.images import Pixels, read_rgb
from pipeline.degradations.rounding import to_uint8
from pipeline.errors import UserError
from pipeline.evaluation.cases import read_cases
from pipeline.evaluation.kept_parts import SIDE, About, KeptParts, Map, Numbers, Square, masked, shown_images
from pipeline.files import whole_folder
from pipeline.methods.tiles import Span, Tile
from pipeline.networks import load_generator
from pipeline.networks.devices import device_named
from pipeline.networks.parts import Branched
from pipeline.paths import data_root, model_folder
from pipeline.progress import progress
from pipeline.settings import SCALES, Dataset, Settings

Colours = NDArray[np.float32]
"""H x W x 3 around [0, 1], not clamped."""


@dataclass(frozen=True)
class TakenApart:
    """What a generator makes of an image's kept square; `spatial`: the mask is S, and not drawn of channels."""

    align: Colours
    unif: Colours
    sr: Colours
    mask: Map
    spatial: bool

    def recomposed(self) -> Colours:
        """I_SR from its parts: Eq. 10, or the sum of what is masked already."""
        if not self.spatial:
            return self.align + self.unif
        mask = self.mask[..., None]
        return mask * self.align + (1 - mask) * self.unif

    @property
    def difference(self) -> Map:
        """|I_align - I_unif|, mean over the channels, in grey levels."""
        values: Map = 255 * np.abs(self.align - self.unif).mean(axis=2)
        return values

    def numbers(self) -> Numbers:
        """Its statistics."""
        both, mask = np.stack([self.align, self.unif]), self.mask.astype(np.float64)
        effect = float((np.abs(mask - mask.mean()) * self.difference).mean())
        return Numbers(
            minimum=float(mask.min()),
            mean=float(mask.mean()),
            maximum=float(mask.max()),
            deviation=float(mask.std()),
            above_half=float((mask > 0.5).mean()),
            difference_mean=float(self.difference.mean(dtype=np.float64)),
            difference_max=float(self.difference.max()),
            mask_effect=effect if self.spatial else None,
            out_of_range=float(((both < 0) | (both > 1)).mean()),
            residual=float(255 * np.abs(self.recomposed() - self.sr).max()),
        )


def write_parts(settings: Settings, preset: str) -> None:
    """Write runs/<preset>/parts: every training set by every masked configuration of the study, of the first seed.

    Raises `UserError` when an image or a model is missing, damaged or of another scale; then nothing is written.
    """
    names, root, seed = masked(settings), data_root(preset), settings.preset(preset).seeds[0]
    work = [(dataset, name) for dataset in settings.study.training_sets for name in names]
    device = torch.device(device_named(settings.preset(preset).run.device))
    margin = settings.preset(preset).restore.overlap
    with whole_folder(root / "parts") as folder, progress("parts", len(work)) as meter:
        for dataset, name in work:
            model = model_folder(preset, dataset, name, seed)
            _write(root, folder / dataset / name, dataset, name, model, margin, device)
            meter.update()


def square(height: int, width: int, side: int, margin: int) -> Tile:
    """The central square of an image, kept, and what is seen of the image for it; all in pixels.

    Args:
        height: of the image; like `width`, if no longer than `side` kept whole.
        width: of the image.
        side: of the square.
        margin: what is seen around it, where the image has it.
    """
    return Tile(_span(height, side, margin), _span(width, side, margin))


@torch.inference_mode()
def take_apart(generator: nn.Module, lr: Pixels, where: Tile, scale: int) -> TakenApart:
    """The parts of the kept square of `lr` (h x w x 3, RGB), which the generator sees with its margin.

    Raises `UserError` for a generator without branches or without a mask.
    """
    if not isinstance(generator, Branched):
        raise UserError("the generator has no mask to show; take a configuration with `branches` and `mask`")
    device = next(generator.parameters()).device
    seen = np.stack([lr[where.rows.seen(), where.columns.seen()]])
    batch = torch.from_numpy(seen).to(device).permute(0, 3, 1, 2).float().div(255)
    with torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
        parts = generator.parts(batch)
    mask = parts.drawn_mask
    if parts.align is None or parts.unif is None or mask is None:
        raise UserError("the generator has no mask to show; take a configuration with `branches` and `mask`")

    def kept(values: Tensor) -> Colours:
        inside = values[0, :, where.rows.inside(scale), where.columns.inside(scale)]
        return inside.permute(1, 2, 0).cpu().numpy()

    return TakenApart(
        kept(parts.align), kept(parts.unif), kept(parts.sr), kept(mask)[..., 0], parts.mask is not None
    )


def _write(
    root: Path, folder: Path, dataset: Dataset, name: str, model: Path, margin: int, device: torch.device
) -> None:
    """The parts of a few test images of a dataset by the configuration `name`, whose generator is in `model`."""
    scale = SCALES[dataset]
    generator, description = load_generator(model)
    if description["scale"] != scale:
        raise UserError(f"{model} was trained for scale {description['scale']}, {dataset} needs scale {scale}")
    generator.to(device)
    cases = {case.id: case for case in read_cases(root, dataset)}
    for image in shown_images(list(cases)):
        case = cases[image]
        lr, hr = case.read_lr(), read_rgb(case.hr) if case.hr else None
        height, width = lr.shape[:2] if hr is None else common(lr.shape, hr.shape, scale)
        where = square(height, width, SIDE // scale, margin)
        apart = take_apart(generator, lr, where, scale)
        about = About(
            dataset=dataset,
            configuration=name,
            run=description["run"],
            image=image,
            layout="paper" if apart.spatial else "released",
            scale=scale,
            ground_truth=hr is not None,
            square=_square(where, lr),
            numbers=apart.numbers(),
        )
        _kept(about, apart, where, lr, hr).write(folder / image)


def _kept(about: About, apart: TakenApart, where: Tile, lr: Pixels, hr: Pixels | None) -> KeptParts:
    rows, columns, scale = where.rows, where.columns, about.scale
    return KeptParts(
        about=about,
        lr=lr[rows.kept(1), columns.kept(1)],
        align=to_uint8(255 * apart.align),
        unif=to_uint8(255 * apart.unif),
        sr=to_uint8(255 * apart.sr),
        hr=None if hr is None else hr[rows.kept(scale), columns.kept(scale)],
        mask=apart.mask,
        difference=apart.difference,
    )


def _square(where: Tile, lr: Pixels) -> Square:
    rows, columns = where.rows, where.columns
    height, width = rows.end - rows.first, columns.end - columns.first
    return Square(rows.first, columns.first, height, width, *lr.shape[:2])


def _span(length: int, side: int, margin: int) -> Span:
    first = max(0, (length - side) // 2)
    end = min(length, first + side)
    start = max(0, first - margin)
    return Span(start, min(length, end + margin) - start, first, end)

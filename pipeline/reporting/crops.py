"""Sample crops of a dataset: one test image, chosen by a rule, as every method left it."""

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from pipeline.datasets.images import Pixels, read_rgb
from pipeline.errors import UserError
from pipeline.evaluation.cases import Case, read_cases, read_restored, restored_folder
from pipeline.evaluation.metrics import METRICS
from pipeline.reporting.layout import method_title, reference
from pipeline.reporting.results import read_scores
from pipeline.settings import SCALES, Dataset

SIDE = 96  # of a crop, in HR pixels: small enough that single pixels can be seen
RULE = (
    "The image shown is the median test image by PSNR of the reference row (of an even number, the lower of the "
    "two in the middle; without ground truth, the one in the middle by name), cut to its central "
    f"{SIDE} × {SIDE} pixels."
)


@dataclass(frozen=True)
class Crop:
    """One picture: its title, what was measured on the whole image, and the crop as a data URI."""

    title: str
    value: str
    uri: str


@dataclass(frozen=True)
class CropRow:
    """The crops of one dataset."""

    title: str
    image: str
    crops: tuple[Crop, ...]


def crop_row(root: Path, dataset: Dataset, title: str, titles: Mapping[str, str]) -> CropRow:
    """LR, every method and HR of one test image of `dataset` under `root` (runs/<preset>).

    `titles` are those of methods, by name; one that it lacks goes by `method_title`.

    Raises `UserError` when scores or images are missing or damaged.
    """
    scores = read_scores(root, dataset)
    cases = {case.id: case for case in read_cases(root, dataset)}
    # The reference, plain, then the rest by name: the same order at every run.
    methods = sorted(scores, key=lambda method: (method != reference(dataset), method != "plain", method))
    chosen = typical(scores[methods[0]])
    if chosen not in cases:
        raise UserError(f"the scores of {dataset} have the image {chosen}, its split has not. Run `dvc repro`.")
    case = cases[chosen]
    images = [
        (titles.get(method, method_title(method)), *_restored(root, dataset, method, case, scores))
        for method in methods
    ]
    if "identity" not in methods:
        images.insert(0, ("LR", "", enlarged(read_rgb(case.lr), SCALES[dataset])))
    if case.hr:
        images.append(("HR", "ground truth", read_rgb(case.hr)))
    crops = tuple(Crop(title, value, data_uri(centre(image))) for title, value, image in images)
    return CropRow(title, case.id, crops)


def typical(scores: pd.DataFrame) -> str:
    """The image that `RULE` names. `scores`: a row an image (index: id), with or without a column psnr."""
    known = scores["psnr"].dropna() if "psnr" in scores else scores.iloc[:, 0].iloc[:0]
    order = known.sort_values(kind="stable").index if len(known) else scores.index.sort_values()
    return str(order[(len(order) - 1) // 2])


def enlarged(image: Pixels, scale: int) -> Pixels:
    """Every pixel as a block of scale x scale pixels."""
    return image.repeat(scale, axis=0).repeat(scale, axis=1)


def centre(image: Pixels) -> Pixels:
    """The central SIDE x SIDE pixels, or the whole of a smaller side."""
    top, left = (max(0, (length - SIDE) // 2) for length in image.shape[:2])
    return image[top : top + SIDE, left : left + SIDE]


def data_uri(image: Pixels) -> str:
    """A uint8 RGB image as a PNG in a `data:` address, so that the page needs no file beside it."""
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(stream, format="PNG")
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode('ascii')}"


def _restored(
    root: Path, dataset: Dataset, method: str, case: Case, scores: Mapping[str, pd.DataFrame]
) -> tuple[str, Pixels]:
    """PSNR of the whole image as text, and the restored image."""
    image = read_restored(restored_folder(root, dataset, method), case)
    psnr = scores[method].get("psnr", pd.Series(dtype=float)).get(case.id, np.nan)
    value = "" if np.isnan(psnr) else f"{psnr:.{METRICS['psnr'].decimals}f} dB"
    return value, image

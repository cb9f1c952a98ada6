"""One test image as every method left it: read from the disk, with what was measured on it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pipeline.datasets import alignment
from pipeline.datasets.images import Pixels, read_rgb
from pipeline.errors import UserError
from pipeline.evaluation.case import Case
from pipeline.evaluation.cases import read_cases, read_restored
from pipeline.evaluation.metrics import METRICS
from pipeline.paths import data_root, of_seed, restored_folders
from pipeline.reporting.captions import Source, shown_seed
from pipeline.reporting.comparison.choice import Scores, Window, around, choose, finite, textured
from pipeline.reporting.grid import number
from pipeline.reporting.layout import CRIA, reference
from pipeline.reporting.results import read_scores
from pipeline.reporting.study import compared, source_of
from pipeline.settings import SCALES, Dataset, Settings

VIEW = 320
"""Side, in HR pixels, of what can be looked at closely around the square."""

LR, HR = "lr", "hr"
"""Names of the versions that no method made."""

UNKNOWN = "–"


@dataclass(frozen=True)
class Version:
    """One version of the image.

    Attributes:
        name: of the method, or `LR` or `HR`.
        title: as people read it.
        values: what was measured on the whole image, as text, by metric; empty for LR and HR.
        image: whole, uint8 RGB.
        covers: how many HR pixels a side one of its pixels covers: 1, or of LR the scale.
    """

    name: str
    title: str
    values: Mapping[str, str]
    image: Pixels
    covers: int = 1


@dataclass(frozen=True)
class Comparison:
    """What is shown of a dataset.

    Attributes:
        image: the id of the test image.
        rule: why this one and this part of it, in sentences.
        metrics: whose values stand under each version.
        versions: LR, every method (Cria-CL last), and ground truth where there is one.
        square: what is compared at the first look.
        view: what can be looked at closely; `square` is in it.
    """

    dataset: Dataset
    source: Source
    image: str
    rule: str
    metrics: tuple[str, ...]
    versions: tuple[Version, ...]
    square: Window
    view: Window


def read_comparison(preset: str, dataset: Dataset, settings: Settings) -> Comparison:
    """The comparison of a dataset of `preset`.

    Raises `UserError` when scores or images are missing or damaged.
    """
    root, seed, scale = data_root(preset), settings.preset(preset).seeds[0], SCALES[dataset]
    scores, cases = read_scores(root, dataset, seed), {case.id: case for case in read_cases(root, dataset)}
    titles = compared(settings, preset, dataset)
    choice = choose(scores, reference(dataset), titles, list(cases))
    if choice.image not in cases:
        raise UserError(
            f"the scores of {dataset} have the image {choice.image}, its split has not. Run `dvc repro`."
        )
    case = cases[choice.image]
    lr, hr = case.read_lr(), read_rgb(case.hr) if case.hr else None
    metrics = shown_metrics(scores, truth=hr is not None)
    folders = of_seed(restored_folders(root, dataset), seed)
    made = [
        Version(name, title, _values(scores, name, case, metrics), read_restored(folders[name], case))
        for name, title in ordered(scores, titles).items()
    ]
    height, width = _shared_size(lr, hr, scale)
    guide, covers, judged = (lr, scale, "LR") if hr is None else (hr, 1, "HR")
    square = textured(guide, covers, scale, height, width)
    return Comparison(
        dataset=dataset,
        source=source_of(settings, preset, dataset),
        image=case.id,
        rule=_rule(choice.rule, square, judged, seed),
        metrics=metrics,
        versions=_with_ends(made, lr, hr, scale),
        square=square,
        view=around(square, VIEW, scale, height, width),
    )


def ordered(scores: Scores, titles: Mapping[str, str]) -> dict[str, str]:
    """The titles of the methods that have scores, by name, in the order of `titles` but Cria-CL last."""
    names = sorted((name for name in titles if name in scores), key=lambda name: name == CRIA)
    return {name: titles[name] for name in names}


def shown_metrics(scores: Scores, *, truth: bool) -> tuple[str, ...]:
    """PSNR and LPIPS (where LPIPS is not measured, SSIM), or NIQE without ground truth; none that no image has."""
    wanted = ("psnr", "lpips", "ssim") if truth else ("niqe",)
    return tuple(metric for metric in wanted if any(len(finite(scores, name, metric)) for name in scores))[:2]


def _values(scores: Scores, method: str, case: Case, metrics: Iterable[str]) -> dict[str, str]:
    """As printed; what is not defined for this image is `UNKNOWN`."""
    known = scores[method].reindex(index=[case.id], columns=list(metrics)).iloc[0]
    found = {metric: float(known[metric]) for metric in metrics}
    return {metric: number(value, METRICS[metric].decimals) or UNKNOWN for metric, value in found.items()}


def _shared_size(lr: Pixels, hr: Pixels | None, scale: int) -> tuple[int, int]:
    """Height and width, in HR pixels, of the top left part that LR and HR both show."""
    full = (scale * lr.shape[0], scale * lr.shape[1]) if hr is None else hr.shape
    height, width = alignment.common(lr.shape, full, scale)
    return scale * height, scale * width


def _with_ends(made: list[Version], lr: Pixels, hr: Pixels | None, scale: int) -> tuple[Version, ...]:
    """LR first, unless it is the first row itself (identity at scale 1), and ground truth last."""
    first = [] if made and made[0].name == "identity" else [Version(LR, "LR", {}, lr, scale)]
    return (*first, *made, *([] if hr is None else [Version(HR, "Ground truth", {}, hr)]))


def _rule(image: str, square: Window, judged: str, seed: int) -> str:
    """Why this image and this part of it, and of which trainings."""
    return (
        f"Chosen by rule: {image}; in it, the square of {square.width} × {square.height} pixels of most "
        f"texture (the largest variance of the gradient of {judged}). {shown_seed(seed)}"
    )

"""Scores that are still good: a row's images are scored again only where something changed that they depend on.

Beside every CSV of scores a JSON of the same name holds a fingerprint of what they depend on: the restored images,
the ground truth, the protocol, and the weights, code, device and packages of the metrics.
"""

from collections.abc import Sequence
from pathlib import Path

from pipeline.code import code_hash
from pipeline.environment import PACKAGES, versions
from pipeline.errors import UserError
from pipeline.evaluation.case import Case
from pipeline.evaluation.metrics import METRICS
from pipeline.evaluation.score import Measure, Row, write_scores
from pipeline.files import fingerprint, read_json, sha256, write_json

CODE = ("pipeline.evaluation.scoring",)


def judging(cases: Sequence[Case], measure: Measure) -> str:
    """A fingerprint of all that the scores of `cases` depend on, but for the restored images.

    Raises `UserError` when a ground truth is missing.
    """
    weights = {name for metric in measure.metrics for name in METRICS[metric].weights}
    return fingerprint(
        {
            "truth": [[case.id, image_hash(case.hr) if case.hr else None] for case in cases],
            "metrics": measure.metrics,
            "border": measure.border,
            "scale": measure.scale,
            "device": measure.device,
            "weights": {name: _weights_hash(measure.weights / name) for name in sorted(weights)},
            "versions": versions(PACKAGES),
            "code": code_hash(*CODE),
        }
    )


def image_hash(path: Path) -> str:
    """Hex sha256 of the file of a test image. Raises `UserError` when it is missing."""
    try:
        return sha256(path)
    except FileNotFoundError:
        raise UserError(f"{path}: missing. Run `dvc repro` (stage fetch) to fetch it again.") from None


class KeptScores:
    """The scores of one row's restored images.

    Args:
        file: the CSV.
        judging: as the function of that name gives it.
    """

    def __init__(self, file: Path, judging: str) -> None:
        self.file, self._judging = file, judging

    def are_good(self, folder: Path, cases: Sequence[Case]) -> bool:
        """Whether they are the scores of the images of `cases` in `folder`, which are all there."""
        if not (self.file.exists() and self._about.exists()):
            return False
        return bool(read_json(self._about)["fingerprint"] == self._fingerprint(folder, cases))

    def write(self, rows: Sequence[Row], metrics: Sequence[str], folder: Path, cases: Sequence[Case]) -> None:
        """New scores in place of those that are there."""
        self._about.unlink(
            missing_ok=True
        )  # a killed process leaves new scores without it, never beside the old one
        write_scores(self.file, rows, metrics)
        write_json(self._about, {"fingerprint": self._fingerprint(folder, cases)})

    @property
    def files(self) -> tuple[Path, Path]:
        """The CSV, and the JSON beside it."""
        return self.file, self._about

    @property
    def _about(self) -> Path:
        return self.file.with_suffix(".json")

    def _fingerprint(self, folder: Path, cases: Sequence[Case]) -> str:
        images = {case.id: sha256(folder / f"{case.id}.png") for case in cases}
        return fingerprint({"judging": self._judging, "images": images})


def _weights_hash(folder: Path) -> str | None:
    """None where they are missing: the metric then says what makes them."""
    about = folder / "weights.json"
    return str(read_json(about)["sha256"]) if about.exists() else None

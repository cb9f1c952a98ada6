"""The columns of a table: how a metric is called there, which direction is better, how many decimals it has."""

from dataclasses import dataclass

from pipeline.evaluation.metrics import METRICS


@dataclass(frozen=True)
class Column:
    """One column; `header` has an arrow in the direction that is better."""

    title: str
    higher_is_better: bool
    decimals: int

    @property
    def header(self) -> str:
        return f"{self.title} {'↑' if self.higher_is_better else '↓'}"


OPINION = Column("MOS", higher_is_better=False, decimals=3)
"""Mean opinion score, 0 to 5, lower is better: of the paper by 20 volunteers (facts/methods.md 0.1), of ours by the
raters of `python -m pipeline mos`."""


def column(metric: str) -> Column:
    """The column of a metric of the study, or of `mos`, which raters give."""
    if metric == "mos":
        return OPINION
    known = METRICS[metric]
    return Column(known.title, known.higher_is_better, known.decimals)

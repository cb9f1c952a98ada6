"""Pairs whose HR image is a few pixels off scale x LR, as RealSR has them (facts/datasets.md 1f).

The top left part that both show is used everywhere: to train on and to score.
"""

Shape = tuple[int, ...]
"""Height, width and whatever else."""

SLACK = 2
"""In LR pixels, what a pair may be off by less than."""


def belong_together(lr: Shape, hr: Shape, scale: int) -> bool:
    """Whether an HR image of that shape can be the pair of an LR image; at scale 1 the sizes must be equal."""
    return off(lr, hr, scale) < (SLACK * scale if scale > 1 else 1)


def off(lr: Shape, hr: Shape, scale: int) -> int:
    """The largest difference of a side to scale x LR, in HR pixels."""
    return max(abs(high - scale * low) for low, high in zip(lr[:2], hr[:2], strict=True))


def common(lr: Shape, hr: Shape, scale: int) -> tuple[int, int]:
    """Height and width, in LR pixels, of the top left part that both show."""
    height, width = (min(low, high // scale) for low, high in zip(lr[:2], hr[:2], strict=True))
    return height, width

"""The pools of a preset's datasets as pictures for the page."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.datasets.images import Pixels
from pipeline.datasets.pools import Pools
from pipeline.reporting.contact_sheets import kernel_caption, kernel_sheet, noise_caption, noise_sheet
from pipeline.reporting.pictures import data_uri
from pipeline.settings import Dataset


@dataclass(frozen=True)
class Sheet:
    """A contact sheet: its title, what it shows in words, the picture as a data URI and its size in pixels."""

    title: str
    caption: str
    uri: str
    width: int
    height: int


def pool_sheets(root: Path, dataset: Dataset, title: str) -> Iterator[Sheet]:
    """The contact sheets of a dataset's pools under `root` (runs/<preset>); none of an empty pool.

    Raises `UserError` when the pools are missing.
    """
    pools = Pools.read(root / "pools" / dataset)
    if len(pools.noise):
        yield _sheet(f"Noise, {title}", noise_caption(pools.noise), noise_sheet(pools.noise))
    if len(pools.kernels):
        yield _sheet(f"Blur kernels, {title}", kernel_caption(pools.kernels), kernel_sheet(pools.kernels))


def _sheet(title: str, caption: str, picture: Pixels) -> Sheet:
    return Sheet(title, caption, data_uri(picture), picture.shape[1], picture.shape[0])

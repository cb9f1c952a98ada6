"""Stage `fetch`: the collections of one dataset, each in its official layout."""

import os
from argparse import ArgumentParser

from pipeline import settings
from pipeline.errors import entry_point
from pipeline.files import whole_folder
from pipeline.paths import DOWNLOADS, data_root


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--preset", required=True)
    parser.add_argument("--dataset", required=True, choices=list(settings.SCALES))
    arguments = parser.parse_args()
    params = settings.load()
    preset = params.preset(arguments.preset)

    from pipeline.datasets import sources

    mirror = os.environ.get("CRIA_MIRROR") or params.mirror
    composition = preset.dataset(arguments.dataset)
    with whole_folder(data_root(arguments.preset) / "raw" / arguments.dataset) as folder:
        sources.fetch(composition, preset.run.seed, mirror, DOWNLOADS, folder)


if __name__ == "__main__":
    entry_point(main)

"""Stage `fetch`: one dataset, in its official layout, from the source that the preset names."""

from argparse import ArgumentParser
from pathlib import Path

from pipeline import settings
from pipeline.errors import entry_point
from pipeline.files import whole_folder


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--preset", required=True)
    parser.add_argument("--dataset", required=True, choices=list(settings.SCALES))
    arguments = parser.parse_args()
    preset = settings.load().preset(arguments.preset)

    from pipeline.datasets import sources

    with whole_folder(Path("runs", arguments.preset, "raw", arguments.dataset)) as folder:
        sources.fetch(arguments.dataset, preset, folder)


if __name__ == "__main__":
    entry_point(main)

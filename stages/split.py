"""Stage `split`: every image of a dataset checked and given its role."""

from argparse import ArgumentParser
from pathlib import Path

from pipeline import settings
from pipeline.errors import entry_point


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--preset", required=True)
    parser.add_argument("--dataset", required=True, choices=list(settings.SCALES))
    arguments = parser.parse_args()
    preset = settings.load().preset(arguments.preset)

    from pipeline.datasets import splits

    root, dataset = Path("runs", arguments.preset), arguments.dataset
    rows = splits.make(preset.dataset(dataset), root / "raw" / dataset, settings.SCALES[dataset])
    splits.write(rows, root / "splits" / f"{dataset}.csv")


if __name__ == "__main__":
    entry_point(main)

"""Stage `score`: the metrics of every restored method of one dataset."""

from argparse import ArgumentParser
from pathlib import Path

from pipeline import settings
from pipeline.errors import entry_point


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--preset", required=True)
    parser.add_argument("--dataset", required=True, choices=list(settings.SCALES))
    arguments = parser.parse_args()
    params = settings.load()
    params.preset(arguments.preset)

    from pipeline.evaluation.score import score

    score(Path("runs", arguments.preset), arguments.dataset, params.protocol)


if __name__ == "__main__":
    entry_point(main)

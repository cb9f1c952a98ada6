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

    from pipeline.environment import environment
    from pipeline.evaluation.score import score
    from pipeline.files import sha256
    from pipeline.tracking import record_scores

    root = Path("runs", arguments.preset)
    score(root, arguments.dataset, params.protocol)
    record_scores(
        arguments.preset,
        arguments.dataset,
        root / "scores" / arguments.dataset,
        params=params.protocol.model_dump(mode="json"),
        inputs={"split": sha256(root / "splits" / f"{arguments.dataset}.csv")},
        environment=environment(),
    )


if __name__ == "__main__":
    entry_point(main)

"""Stage `evaluate`: the test images of one dataset, restored by every row and scored."""

from argparse import ArgumentParser

from pipeline import settings
from pipeline.errors import entry_point
from pipeline.paths import data_root


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--preset", required=True)
    parser.add_argument("--dataset", required=True, choices=list(settings.SCALES))
    parser.add_argument("--rows", nargs="+", default=[], help="these alone; the others' files stay as they are")
    arguments = parser.parse_args()
    params = settings.load()
    preset, dataset = arguments.preset, arguments.dataset
    run = params.preset(preset).run

    import torch

    from pipeline.environment import environment
    from pipeline.evaluation.evaluate import evaluate
    from pipeline.files import sha256
    from pipeline.networks.devices import device_named
    from pipeline.tracking import Input, record_scores

    torch.set_num_threads(run.threads)  # restored images depend on it
    works = evaluate(params, preset, dataset, arguments.rows)
    split = data_root(preset) / "splits" / f"{dataset}.csv"
    record_scores(
        preset,
        dataset,
        data_root(preset),
        params=params.protocol.model_dump(mode="json"),
        inputs={"split": Input(f"{dataset}-split", "test", split, sha256(split))},
        environment=environment(device_named(run.device)),
        runs={(work.record.row.name, work.record.seed): work.record.run for work in works if work.record.run},
    )


if __name__ == "__main__":
    entry_point(main)

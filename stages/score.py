"""Stage `score`: the metrics of every restored method of one dataset."""

from argparse import ArgumentParser

from pipeline import settings
from pipeline.errors import entry_point
from pipeline.paths import data_root, results_root


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--preset", required=True)
    parser.add_argument("--dataset", required=True, choices=list(settings.SCALES))
    parser.add_argument("--seed", type=int, help="of the ablations; default: the comparison")
    arguments = parser.parse_args()
    params = settings.load()
    run = params.preset(arguments.preset).run

    import cv2
    import torch

    from pipeline.environment import environment
    from pipeline.evaluation.score import score, trainings
    from pipeline.files import sha256
    from pipeline.networks.devices import device_named
    from pipeline.reporting.layout import ABLATION_METRICS
    from pipeline.tracking import Input, record_scores

    root, results = data_root(arguments.preset), results_root(arguments.preset, arguments.seed)
    protocol = params.protocol
    if arguments.seed is not None:  # what the tables of the ablations show, no more: there is a score a seed
        shown = [name for name in protocol.metrics if name in ABLATION_METRICS]
        protocol = protocol.model_copy(update={"metrics": shown})
    device = device_named(run.device)
    # An image a thread, so that no value depends on how many threads there are.
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    torch.backends.cudnn.allow_tf32 = False  # float32 that is float32, as the published values
    score(root, arguments.dataset, protocol, results, device)
    split = root / "splits" / f"{arguments.dataset}.csv"
    record_scores(
        arguments.preset,
        arguments.dataset,
        results / "scores" / arguments.dataset,
        params=protocol.model_dump(mode="json"),
        inputs={"split": Input(f"{arguments.dataset}-split", "test", split, sha256(split))},
        environment=environment(device),
        runs=trainings(results, arguments.dataset),
        seed=arguments.seed,
    )


if __name__ == "__main__":
    entry_point(main)

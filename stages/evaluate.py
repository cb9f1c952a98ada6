"""Stage `evaluate`: the test images of one dataset, restored by every method and scored."""

from argparse import ArgumentParser

from pipeline import settings
from pipeline.errors import entry_point
from pipeline.paths import data_root, results_root


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--preset", required=True)
    parser.add_argument("--dataset", required=True, choices=list(settings.SCALES))
    parser.add_argument(
        "--seed", type=int, help="of the ablations, for their configurations; default: the comparison"
    )
    arguments = parser.parse_args()
    params = settings.load()
    preset, dataset, seed = arguments.preset, arguments.dataset, arguments.seed
    run = params.preset(preset).run

    import torch

    from pipeline.environment import environment
    from pipeline.evaluation.cases import trainings
    from pipeline.evaluation.evaluate import evaluate
    from pipeline.evaluation.jobs import methods_of
    from pipeline.files import sha256
    from pipeline.networks.devices import device_named
    from pipeline.reporting.layout import ABLATION_METRICS
    from pipeline.tracking import Input, record_scores

    torch.set_num_threads(run.threads)  # restored images depend on it
    device = device_named(run.device)
    root, results = data_root(preset), results_root(preset, seed)
    methods, protocol = methods_of(dataset, params), params.protocol
    if seed is not None:  # what the tables of the ablations show, no more: there is a score a seed
        shown = [name for name in protocol.metrics if name in ABLATION_METRICS]
        methods, protocol = params.ablation.configurations, protocol.model_copy(update={"metrics": shown})
    evaluate(root, dataset, methods, params, preset, protocol, device, results)
    split = root / "splits" / f"{dataset}.csv"
    record_scores(
        preset,
        dataset,
        results / "scores" / dataset,
        params=protocol.model_dump(mode="json"),
        inputs={"split": Input(f"{dataset}-split", "test", split, sha256(split))},
        environment=environment(device),
        runs=trainings(results, dataset),
        seed=seed,
    )


if __name__ == "__main__":
    entry_point(main)

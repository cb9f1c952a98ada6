"""Stage `restore`: one method over the test images of one dataset."""

from argparse import ArgumentParser

from pipeline import settings
from pipeline.errors import entry_point
from pipeline.paths import data_root, results_root


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--preset", required=True)
    parser.add_argument("--dataset", required=True, choices=list(settings.SCALES))
    parser.add_argument(
        "--method", required=True, help="an interpolation, a configuration or a rival of params.yaml"
    )
    parser.add_argument("--seed", type=int, help="of the ablations; default: the comparison")
    arguments = parser.parse_args()
    params = settings.load()
    threads = params.preset(arguments.preset).run.threads

    if arguments.method in {*params.configurations, *params.rivals}:
        import torch

        torch.set_num_threads(threads)  # results depend on it

    from pipeline.evaluation.restore import restore

    results = results_root(arguments.preset, arguments.seed)
    root = data_root(arguments.preset)
    restore(root, arguments.dataset, arguments.method, params, arguments.preset, results)


if __name__ == "__main__":
    entry_point(main)

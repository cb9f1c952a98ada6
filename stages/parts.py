"""Stage `parts`: the masks and branches of the generators that have them, on a few test images a set."""

from argparse import ArgumentParser

from pipeline import settings
from pipeline.errors import entry_point


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--preset", required=True)
    arguments = parser.parse_args()
    params = settings.load()
    threads = params.preset(arguments.preset).run.threads

    import torch

    from pipeline.evaluation.parts import write_parts

    torch.set_num_threads(threads)  # results depend on it
    write_parts(params, arguments.preset)


if __name__ == "__main__":
    entry_point(main)

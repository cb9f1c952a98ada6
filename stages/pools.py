"""Stage `pools`: the noise patches and blur kernels of a training set's real LR images."""

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

    import torch

    from pipeline.datasets import pools, splits

    torch.set_num_threads(preset.run.threads)  # the kernels depend on it
    root, dataset = Path("runs", arguments.preset), arguments.dataset
    rows = splits.read(root / "splits" / f"{dataset}.csv")
    recipe = preset.dataset(dataset).recipe
    made = pools.make(rows, root / "raw" / dataset, recipe, preset.run.seed, root / "state" / "kernels")
    with whole_folder(root / "pools" / dataset) as folder:
        made.write(folder)


if __name__ == "__main__":
    entry_point(main)

"""Stage `pack`: the training and validation pairs of a dataset, ready to be cropped from."""

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

    from pipeline.datasets import pairs, splits
    from pipeline.datasets.pools import Pools

    root, dataset = Path("runs", arguments.preset), arguments.dataset
    rows = splits.read(root / "splits" / f"{dataset}.csv")
    composition = preset.dataset(dataset)
    degrade = None
    if composition.recipe is not None:
        pools = Pools.read(root / "pools" / dataset)
        degrade = pairs.Degrade(composition.recipe, pools, settings.SCALES[dataset], preset.run.seed)
    with whole_folder(root / "packs" / dataset) as folder:
        pairs.write_pack(
            dataset,
            rows,
            root / "raw" / dataset,
            degrade,
            settings.SCALES[dataset],
            folder,
            real_share=composition.real_share,
        )


if __name__ == "__main__":
    entry_point(main)

"""Stage `rival`: the checkpoints of pretrained networks, found and checked before any image is restored."""

from argparse import ArgumentParser

from pipeline import settings
from pipeline.errors import entry_point
from pipeline.files import whole_folder, write_json
from pipeline.paths import data_root


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--preset", required=True)
    arguments = parser.parse_args()
    params = settings.load()

    from pipeline.methods import rivals

    root = data_root(arguments.preset)
    found = {name: rivals.find(root, params.rivals[name]) for name in params.study.rivals}
    # Without rivals the folder is empty, and there: the stage `evaluate` depends on it.
    with whole_folder(root / "rivals") as folder:
        for name, rival in found.items():
            write_json(folder / rivals.record(root, name).name, rival.as_json())


if __name__ == "__main__":
    entry_point(main)

"""Stage `rival`: the checkpoint of a pretrained network, found and checked before any image is restored."""

from argparse import ArgumentParser

from pipeline import settings
from pipeline.errors import UserError, entry_point
from pipeline.files import write_json
from pipeline.paths import data_root


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--preset", required=True)
    parser.add_argument("--name", required=True, help="a key of `rivals` in params.yaml")
    arguments = parser.parse_args()
    params = settings.load()
    if arguments.name not in params.rivals:
        raise UserError(f"there is no rival {arguments.name!r}; params.yaml has {', '.join(params.rivals)}")

    from pipeline.methods import rivals

    root = data_root(arguments.preset)
    found = rivals.find(root, params.rivals[arguments.name])
    write_json(rivals.record(root, arguments.name), found.as_json())


if __name__ == "__main__":
    entry_point(main)

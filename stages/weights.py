"""Stage `weights`: a network trained by others, as safetensors with its origin and licence."""

import os
from argparse import ArgumentParser

from pipeline import settings
from pipeline.errors import entry_point
from pipeline.files import whole_folder
from pipeline.paths import DOWNLOADS, pretrained_folder


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--preset", required=True)
    parser.add_argument("--name", required=True, help="of pipeline/weights/registry.yaml")
    arguments = parser.parse_args()
    params = settings.load()
    order = params.preset(arguments.preset).pretrained

    from pipeline.weights import obtain, store

    mirror = os.environ.get("CRIA_MIRROR") or params.mirror
    pretrained = obtain(arguments.name, order, mirror, DOWNLOADS)
    with whole_folder(pretrained_folder(arguments.preset, arguments.name)) as folder:
        store.write(pretrained, folder)


if __name__ == "__main__":
    entry_point(main)

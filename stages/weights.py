"""Stage `weights`: networks trained by others, as safetensors with their origin and licence.

All that the metrics and the rivals of a preset need, or one of the registry by its name.
"""

import os
from argparse import ArgumentParser

from pipeline import settings
from pipeline.errors import entry_point
from pipeline.files import whole_folder
from pipeline.paths import DOWNLOADS, pretrained_folder


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--preset", required=True)
    parser.add_argument("--name", help="of pipeline/weights/registry.yaml, whether the preset needs it or not")
    arguments = parser.parse_args()
    params = settings.load()
    order = params.preset(arguments.preset).pretrained

    from pipeline.weights import obtain, store

    mirror = os.environ.get("CRIA_MIRROR") or params.mirror
    for name in [arguments.name] if arguments.name else params.weights(arguments.preset):
        pretrained = obtain(name, order, mirror, DOWNLOADS)
        with whole_folder(pretrained_folder(arguments.preset, name)) as folder:
            store.write(pretrained, folder)


if __name__ == "__main__":
    entry_point(main)

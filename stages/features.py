"""Stage `features`: the perceptual features that the criteria read, as safetensors with their provenance."""

import os
from argparse import ArgumentParser
from pathlib import Path

from pipeline import settings
from pipeline.errors import entry_point
from pipeline.files import sha256, whole_file, write_json
from pipeline.paths import DOWNLOADS


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--preset", required=True)
    arguments = parser.parse_args()
    params = settings.load()
    preset = params.preset(arguments.preset)

    from safetensors.torch import save_file

    from pipeline.weights import perceptual_weights

    mirror = os.environ.get("CRIA_MIRROR") or params.mirror
    weights = perceptual_weights(preset.perceptual.sources, mirror, DOWNLOADS)
    file = Path("runs", arguments.preset, "weights", "perceptual.safetensors")
    with whole_file(file) as temporary:
        save_file(weights.tensors, temporary)
    description = {
        "source": weights.source,
        "variant": weights.variant,
        "origin": weights.origin,
        "sha256": sha256(file),
    }
    write_json(file.with_suffix(".json"), description)


if __name__ == "__main__":
    entry_point(main)

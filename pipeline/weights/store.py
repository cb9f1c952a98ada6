"""A weight on disk: safetensors, and a JSON that says what it is and where it is from."""

from pathlib import Path

from pipeline.files import sha256, write_json
from pipeline.weights.obtain import Pretrained

TENSORS = "weights.safetensors"
DESCRIPTION = "weights.json"


def write(pretrained: Pretrained, folder: Path) -> None:
    """Write `weights.safetensors` and `weights.json` into the existing, temporary `folder`.

    The JSON: name, title, licence, layout, origin (words), note, parameters (their number), sha256 of the
    safetensors, and files (name, origin and sha256 of each file it was made of). Equal originals give equal bytes.
    """
    from safetensors.torch import save_file

    save_file(pretrained.tensors, folder / TENSORS)
    write_json(folder / DESCRIPTION, describe(pretrained) | {"sha256": sha256(folder / TENSORS)})


def describe(pretrained: Pretrained) -> dict[str, object]:
    """What weights.json says, but for the sha256 of the tensors."""
    return {
        "name": pretrained.name,
        "title": pretrained.entry.title,
        "licence": pretrained.entry.licence,
        "layout": pretrained.entry.layout,
        "origin": pretrained.source,
        "note": pretrained.origin.note,
        "parameters": sum(tensor.numel() for tensor in pretrained.tensors.values()),
        "files": [
            {"name": original.file.name, "origin": original.file.origin, "sha256": original.sha256}
            for original in pretrained.originals
        ],
    }

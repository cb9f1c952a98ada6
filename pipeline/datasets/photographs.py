"""Colour photographs that ship inside installed packages: the sample study's raw material, no download needed.

Each is known by its sha256, so that a package version that ships another picture is noticed rather than measured.
"""

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from pipeline.datasets.images import Pixels, read_rgb
from pipeline.errors import UserError
from pipeline.files import sha256


@dataclass(frozen=True)
class Photograph:
    """A picture file of an installed package."""

    package: str
    path: str
    sha256: str
    credit: str


_SKIMAGE = "skimage", "data"
_SKLEARN = "sklearn", "datasets/images"


def _of(package: tuple[str, str], file: str, digest: str, credit: str) -> Photograph:
    return Photograph(package[0], f"{package[1]}/{file}", digest, credit)


# Credits as the packages' own documentation gives them.
PHOTOGRAPHS = {
    "astronaut": _of(
        _SKIMAGE,
        "astronaut.png",
        "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
        "NASA, public domain",
    ),
    "chelsea": _of(
        _SKIMAGE,
        "chelsea.png",
        "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb",
        "Stefan van der Walt, CC0",
    ),
    "china": _of(
        _SKLEARN,
        "china.jpg",
        "8378025ad2519d649d02e32bd98990db4ab572357d9f09841c2fbfbb4fefad29",
        "danielbuechele, CC BY 2.0",
    ),
    "coffee": _of(
        _SKIMAGE,
        "coffee.png",
        "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7",
        "Rachel Michetti, CC0",
    ),
    "flower": _of(
        _SKLEARN,
        "flower.jpg",
        "a77f6ec41e353afdf8bdff2ea981b2955535d8d83294f8cfa49cf4e423dd5638",
        "vultilion, CC BY 2.0",
    ),
    "hubble_deep_field": _of(
        _SKIMAGE,
        "hubble_deep_field.jpg",
        "3a19c5dd8a927a9334bb1229a6d63711b1c0c767fb27e2286e7c84a3e2c2f5f4",
        "NASA, public domain",
    ),
    "ihc": _of(
        _SKIMAGE,
        "ihc.png",
        "f8dd1aa387ddd1f49d8ad13b50921b237df8e9b262606d258770687b0ef93cef",
        "immunohistochemistry micrograph, no known copyright restrictions",
    ),
    "motorcycle_left": _of(
        _SKIMAGE,
        "motorcycle_left.png",
        "db18e9c4157617403c3537a6ba355dfeafe9a7eabb6b9b94cb33f6525dd49179",
        "Middlebury 2014 stereo benchmark",
    ),
    "retina": _of(
        _SKIMAGE,
        "retina.jpg",
        "38a07f36f27f095e818aea7b96d34202c05176d30253c66733f2e00379e9e0e6",
        "retinal fundus, CC0",
    ),
    "rocket": _of(
        _SKIMAGE,
        "rocket.jpg",
        "c2dd0de7c538df8d111e479619b129464d0269d0ae5fd18ca91d33a7fdfea95c",
        "SpaceX, public domain",
    ),
}


@cache
def load(name: str) -> Pixels:
    """A photograph of `PHOTOGRAPHS`, read-only.

    Raises `UserError` when the package or the file is missing or the file is not the registered one.
    """
    photograph = PHOTOGRAPHS[name]
    path = _locate(photograph)
    if not path.is_file():
        raise UserError(f"{path} is missing: this version of {photograph.package} does not ship it. {_REMEDY}")
    found = sha256(path)
    if found != photograph.sha256:
        raise UserError(
            f"{path} is not the picture that the stand-ins are made of: found sha256 {found}, expected "
            f"{photograph.sha256}. {_REMEDY}"
        )
    pixels = read_rgb(path)
    pixels.flags.writeable = False
    return pixels


_REMEDY = "Install the versions of requirements.lock (`make` does)."


def _locate(photograph: Photograph) -> Path:
    """Where the file is, without importing the package (scikit-learn takes seconds, and pooch might download)."""
    spec = find_spec(photograph.package)
    if spec is None or spec.origin is None:
        raise UserError(f"the package {photograph.package} is not installed. {_REMEDY}")
    return Path(spec.origin).parent / photograph.path

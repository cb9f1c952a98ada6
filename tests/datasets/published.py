"""Small collections in every official layout, and a registry whose places are a test's own server."""

import hashlib
import io
import random
import tarfile
import zipfile
from functools import cache

import yaml
from PIL import Image

from pipeline.datasets import registry


def picture(seed, width, height):
    """A PNG of noise."""
    stream = io.BytesIO()
    Image.frombytes("RGB", (width, height), random.Random(seed).randbytes(width * height * 3)).save(stream, "PNG")
    return stream.getvalue()


def pair(stem, hr, lr, seed, scale=4):
    """The two images of a pair, by their names."""
    low = 24 // scale
    return {stem + hr: picture(f"{seed}h", 24, 24), stem + lr: picture(f"{seed}l", low, low)}


def realsr(top="RealSR(V3)", scale=4, train=3, test=2):
    """RealSR: other cameras, scales and a readme are in it too. V1 has HR and LR of one size."""
    files = {f"{top}/readme.txt": b"read me"}
    for camera, part, count in (("Canon", "Train", train), ("Canon", "Test", test), ("Nikon", "Test", 1)):
        for number in range(1, count + 1):
            stem = f"{top}/{camera}/{part}/4/{camera}_{number:03}"
            files |= pair(stem, "_HR.png", "_LR4.png", f"{camera}{part}{number}", scale)
    return files


def ntire():
    """NTIRE 2020: the members of each zip."""
    return {
        "track1-train-source.zip": {
            f"track1-train-source/Flickr2K_{n:06}.png": picture(n, 24, 24) for n in (1, 2, 3)
        },
        "train-target.zip": {f"train-target/{n:04}.png": picture(n + 10, 24, 24) for n in (1, 2)},
        "track1-valid-input.zip": {f"track1-valid-input/{n}.png": picture(n, 6, 6) for n in ("0801", "0802")},
        "track1-valid-gt.zip": {f"track1-valid-gt/{n}.png": picture(n, 24, 24) for n in ("0801", "0802")},
    }


def camerasr():
    return {
        path: content
        for n in (1, 2, 3)
        for path, content in pair(f"City100/City100_iPhoneX/{n:03}", "H.PNG", "L.PNG", n, scale=1).items()
    }


def flat(names, side=24):
    return {name: picture(name, side, side) for name in names}


def zipped(files):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return stream.getvalue()


def tarred(files, mode="w:gz"):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


@cache
def archives():
    """Every archive, by collection and name."""
    df2k = flat(["Flickr2K/Flickr2K_HR/000001.png", "Flickr2K/Flickr2K_HR/000002.png"])
    lr = flat(["Flickr2K/Flickr2K_LR_bicubic/X4/000001x4.png"], side=6)
    return {
        "realsr": {"RealSR(V3).tar.gz": tarred(realsr()), "realsr-v3.zip": zipped(realsr())},
        "ntire2020": {name: zipped(files) for name, files in ntire().items()},
        "realsr_zero": {"realsr-zero.zip": zipped(flat(["realsr-zero/IMG 1.JPG", "realsr-zero/2.png"]))},
        "div2k": {
            "DIV2K_train_HR.zip": zipped(flat(["DIV2K_train_HR/0001.png", "DIV2K_train_HR/0002.png"])),
            "DIV2K_valid_HR.zip": zipped(flat(["DIV2K_valid_HR/0801.png"])),
        },
        "flickr2k": {"Flickr2K.tar": tarred(df2k | lr, "w"), "Flickr2K.zip": zipped(df2k)},
    }


@cache
def loose():
    """Every file of the collections that are published one by one."""
    return {
        "camerasr": camerasr(),
        "realsr_canon_crops": {
            f"test_{side}/Canon_{n:03}_LR4.png": picture(f"{side}{n}", size, size)
            for n in (1, 2)
            for side, size in (("HR", 24), ("LR", 6))
        },
        "realsrset": flat(["dog.png", "chip.png"]),
    }


COUNTS = {
    "realsr": {"train": 3, "test": 2},
    "ntire2020": {"source": 3, "target": 2, "valid": 2},
    "camerasr": {"iphonex": 3},
    "realsr_zero": {"all": 2},
    "div2k": {"train": 2, "valid": 1},
    "flickr2k": {"all": 2},
    "realsr_canon_crops": {"test": 2},
    "realsrset": {"all": 2},
}
"""How many images or pairs the small collections have."""


def write_registry(folder, root):
    """The real registry but for counts, places, sizes and checksums; those of archives that have none stay so."""
    values = yaml.safe_load(registry.REGISTRY.read_text(encoding="utf-8"))
    values = {name: values[name] for name in COUNTS}
    for name, entry in values.items():
        for part, count in COUNTS[name].items():
            entry["parts"][part]["count"] = count
        for archive in entry.get("files", []):
            for one in [archive, *archive.get("alternatives", [])]:
                _repin(one, archives()[name].get(one["name"]), f"{root}/{name}/{one['name']}".replace(" ", "%20"))
        if "loose" in entry:
            entry["loose"]["base"] = f"{root}/{name}/"
            lines = [f"{hashlib.sha256(content).hexdigest()}  {path}\n" for path, content in loose()[name].items()]
            (folder / "checksums").mkdir(exist_ok=True)
            (folder / "checksums" / entry["loose"]["checksums"]).write_text("".join(lines))
    path = folder / "registry.yaml"
    path.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    return path


def _repin(archive, content, url):
    archive["urls"] = [url]
    archive.pop("by_hand", None)
    if content is not None and archive["checksum"]:
        archive["checksum"] = f"sha256:{hashlib.sha256(content).hexdigest()}"
        archive["bytes"] = len(content)

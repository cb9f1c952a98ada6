"""The rating page: served, or as one file that holds everything.

What the page is given is the same for every rater and in the order of its random ids; the page itself puts it in
the rater's order. Methods, image names and places never reach it.
"""

import base64
import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from markupsafe import Markup
from PIL import Image

from pipeline.datasets.images import Pixels
from pipeline.mos.answers import SCORES
from pipeline.mos.study import Study
from pipeline.pages import csp_hash, templates

TEMPLATES = Path(__file__).parent / "templates"
POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'"


def style() -> str:
    """The page's style sheet."""
    return (TEMPLATES / "rate.css").read_text(encoding="utf-8")


def script() -> str:
    """The page's script: what is kept, then what is seen."""
    return "\n".join((TEMPLATES / name).read_text(encoding="utf-8") for name in ("keeping.js", "rate.js"))


def png(pixels: Pixels) -> bytes:
    """A uint8 RGB image as a PNG file without metadata."""
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(stream, format="PNG")
    return stream.getvalue()


def served_page(study: Study) -> str:
    """The page whose pictures, style and script come from the server, which also takes the answers."""
    return _render(study, looks=None, works=None, policy=None, sources={})


def static_page(study: Study, pictures: Mapping[str, Pixels]) -> str:
    """The page as one file: it keeps answers in the browser, and gives them to the rater as a file.

    Args:
        study: what is rated.
        pictures: uint8 RGB pixels by opaque id.
    """
    looks, works = Markup(style()), Markup(script())
    policy = f"{POLICY}; img-src data:; style-src {csp_hash(looks)}; script-src {csp_hash(works)}"
    sources = {
        name: f"data:image/png;base64,{base64.b64encode(png(pixels)).decode('ascii')}"
        for name, pixels in sorted(pictures.items())
    }
    return _render(study, looks, works, policy, sources)


def _render(
    study: Study, looks: Markup | None, works: Markup | None, policy: str | None, sources: Mapping[str, str]
) -> str:
    template = templates(TEMPLATES).get_template("rate.html.j2")
    return template.render(
        style=looks,
        script=works,
        policy=policy,
        scores=SCORES,
        count=len(study.methods),
        data=_data(study, sources),
    )


def _data(study: Study, sources: Mapping[str, str]) -> dict[str, object]:
    """What the page knows; `sources` is empty where a server has the pictures and takes the answers."""
    patches = [
        {
            "reference": patch.reference,
            "versions": sorted(version.id for version in patch.versions),
            "height": patch.place.height,
            "width": patch.place.width,
        }
        for patch in study.patches
    ]
    return {
        "id": study.id,
        "seed": study.seed,
        "scores": list(SCORES.values()),
        "patches": sorted(patches, key=lambda patch: str(patch["reference"])),
        "sources": sources,
    }

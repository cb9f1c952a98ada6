"""Pictures inside the page: an image as a `data:` address, so that the page needs no file beside it."""

import base64
import io

import numpy as np
from PIL import Image

from pipeline.datasets.images import Pixels


def data_uri(image: Pixels) -> str:
    """A uint8 RGB image as lossless WebP: of restored photographs three tenths smaller than PNG."""
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(stream, format="WEBP", lossless=True)
    return f"data:image/webp;base64,{base64.b64encode(stream.getvalue()).decode('ascii')}"

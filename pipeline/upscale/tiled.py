"""A photo tile by tile through a method.

Only the result exists whole, as a Pillow picture of four bytes a pixel (one for grey), the very one that is
encoded: floats, and what a network keeps between its layers, exist for one group of tiles at a time.
"""

import numpy as np
from PIL import Image

from pipeline.methods import Method
from pipeline.methods.method import Image as Levels
from pipeline.methods.tiles import Tile, tiles
from pipeline.progress import progress

TILE = 256
"""Side of a tile in pixels of the photo."""
OVERLAP = 32
"""What a tile sees around the part that is kept, in pixels of the photo."""


def upscaled(
    image: Image.Image, method: Method, scale: int, tile: int = TILE, overlap: int = OVERLAP, label: str = "tiles"
) -> Image.Image:
    """`image` restored by `method`, `scale` times as wide and high, of the same mode.

    Grey goes through the method as three equal channels and comes back as their BT.601 luma. Transparency is
    enlarged beside it by Pillow's bicubic (a = -0.5).

    Args:
        image: of mode L, LA, RGB or RGBA.
        tile: side of a tile in pixels of `image`; 0: the whole at once.
        overlap: less than half of `tile`.
        label: of the progress.
    """
    parts = tiles(image.height, image.width, tile, overlap)
    result = Image.new(image.mode, (image.width * scale, image.height * scale))
    alpha = None
    if image.mode.endswith("A"):
        alpha = image.getchannel("A").resize(result.size, Image.Resampling.BICUBIC)
    group = method.group(parts[0].rows.size, parts[0].columns.size)
    with progress(label, len(parts)) as meter:
        for first in range(0, len(parts), group):
            few = parts[first : first + group]
            for part, sr in zip(few, method([_seen(image, part) for part in few]), strict=True):
                piece = Image.fromarray(sr[part.rows.inside(scale), part.columns.inside(scale)])
                columns, rows = part.columns.kept(scale), part.rows.kept(scale)
                piece = piece.convert("L") if image.mode.startswith("L") else piece
                if alpha:
                    piece.putalpha(alpha.crop((columns.start, rows.start, columns.stop, rows.stop)))
                result.paste(piece, (columns.start, rows.start))
            meter.update(len(few))
    return result


def _seen(image: Image.Image, part: Tile) -> Levels:
    rows, columns = part.rows.seen(), part.columns.seen()
    seen: Levels = np.asarray(image.crop((columns.start, rows.start, columns.stop, rows.stop)).convert("RGB"))
    return seen

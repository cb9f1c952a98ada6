"""From float values back to 8 bits, in one way everywhere."""

import numpy as np
from numpy.typing import NDArray


def to_uint8(image: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Values in 8-bit levels (0 to 255), rounded to the nearest (halves to even) and clamped."""
    rounded: NDArray[np.uint8] = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    return rounded

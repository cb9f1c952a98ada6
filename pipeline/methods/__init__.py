"""A row of a comparison table: from the LR images of a dataset to SR images.

    interpolation   `classical`: a function of the scale
    trained         `trained`: a generator that this study has trained
    published       `published`: a network with the weights that its authors published, or a checkpoint of one's own

All are a `Method`: called with LR images of one size (uint8, height x width x 3, RGB), it gives their SR images.
`records` says which rows restore a dataset, and what the images of each depend on.
"""

from pipeline.methods.method import Method

__all__ = ["Method"]

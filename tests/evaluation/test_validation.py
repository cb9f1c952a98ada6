"""Scores on the validation images."""

import numpy as np
import torch

from pipeline.datasets.packs import Pair
from pipeline.evaluation.validation import validation_scores
from pipeline.methods.trained import super_resolve
from pipeline.networks.rrdb import RRDBNet


def test_the_first_restored_image_is_shown_and_scores_stay_the_same():
    torch.manual_seed(1)
    generator = RRDBNet(4, 4, 1, 4).eval()
    rng = np.random.default_rng(1)
    sizes = ((8, 8, 3), (32, 32, 3))
    pairs = [Pair(name, *(rng.integers(0, 256, size, np.uint8) for size in sizes)) for name in "ab"]
    shown = []
    assert validation_scores(generator, pairs, 4, shown.append) == validation_scores(generator, pairs, 4)
    (image,) = shown
    assert (image == super_resolve(generator, pairs[0].lr)).all()

"""NIQE's model, from numpy's or MATLAB's file; neither is unpickled (facts/weights.md, Formats)."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.weights.registry import Layout

MATLAB_NAMES = {"mu_pris_param": "mu_prisparam", "cov_pris_param": "cov_prisparam"}


def read_npz(paths: Sequence[Path], layout: Layout) -> dict[str, Tensor]:
    """Mean and covariance, float64, of BasicSR's file. (It also holds a window that anyone can compute.)"""
    (path,) = paths
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {key: torch.from_numpy(arrays[key]) for key in MATLAB_NAMES}
    except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"not the arrays of {layout}: {error}") from None


def read_matlab(paths: Sequence[Path], layout: Layout) -> dict[str, Tensor]:
    """The same, of pyiqa's copy of the authors' file."""
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    (path,) = paths
    try:
        arrays = loadmat(path, variable_names=list(MATLAB_NAMES.values()))
        return {key: torch.from_numpy(np.array(arrays[theirs])) for key, theirs in MATLAB_NAMES.items()}
    except (KeyError, TypeError, ValueError, OSError, MatReadError) as error:
        raise UserError(f"not the variables of {layout}: {error}") from None

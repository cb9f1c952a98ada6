"""Which device a network runs on."""

import torch

from pipeline.errors import UserError


def device_named(name: str, asked_by: str = "params.yaml: run.device") -> str:
    """`auto` as `cuda` where there is a CUDA GPU, else `cpu`. Raises `UserError` for `cuda` without a GPU."""
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError(f"{asked_by} is cuda, but torch finds no CUDA GPU; set it to auto or cpu")
    return name

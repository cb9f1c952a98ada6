"""Batch normalisation over the global batch, whichever number of processes shares it, on the CPU and on GPUs."""

import torch
from torch import Tensor, nn

from pipeline import distributed


class BatchNorm(nn.BatchNorm2d):
    """`nn.BatchNorm2d`, key for key; in training its statistics are those of all processes' samples.

    torch's SyncBatchNorm exists for CUDA alone; this one is the same on both devices.
    """

    running_mean: Tensor
    running_var: Tensor
    momentum: float

    def forward(self, x: Tensor) -> Tensor:
        """Normalise `x`, B x C x H x W, and keep its type; statistics are float32 at least."""
        if not (self.training and distributed.active()):
            return super().forward(x)
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        mean = distributed.mean(wide.mean(dim=(0, 2, 3), keepdim=True))
        centred = wide - mean
        variance = distributed.mean(centred.square().mean(dim=(0, 2, 3), keepdim=True))
        self._remember(mean, variance, samples=distributed.count() * x.numel() // x.shape[1])
        scale = self.weight.view(1, -1, 1, 1) * (variance + self.eps).rsqrt()
        return (centred * scale + self.bias.view(1, -1, 1, 1)).to(x.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor, samples: int) -> None:
        """Move the running statistics towards these, the variance without its bias."""
        self.get_buffer("num_batches_tracked").add_(1)
        self.running_mean.lerp_(mean.flatten(), self.momentum)
        self.running_var.lerp_(variance.flatten() * samples / (samples - 1), self.momentum)

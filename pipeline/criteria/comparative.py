"""The comparative terms of Cria-CL: contrast between criteria, not between images (paper, Eqs. 8 and 9).

All maps are B x 1 x H x W (any equal shapes work), non-negative. Masking by S and 1 - S and averaging over the
pixels belong to the objective.
"""

from collections.abc import Sequence

import torch
from torch import Tensor


def align_term(anchor: Tensor, positives: Sequence[Tensor], eta: float) -> Tensor:
    """L_align (Eq. 8): the sum over the positives of |C_a - C_i|^eta, zero where all criteria agree.

    It pulls anchor and positives together and can raise the smaller of the two (facts/methods.md 2.4).
    """
    return torch.stack([(anchor - positive).abs() ** eta for positive in positives]).sum(dim=0)


def unif_term(anchor: Tensor, negatives: Sequence[Tensor], temperature: float) -> Tensor:
    """L_unif (Eq. 9): -log sum_k exp(-t (C_a + C_k)^2), bounded below by -log K, reached at C_a + C_k = 0.

    The paper's sign is kept: it is no repulsion, it pushes anchor and negatives to zero, the smallest sum most
    (facts/methods.md 2.4). Written as logsumexp, because exp and log apart give NaN gradients from
    t (C_a + C_k)^2 of about 100 on.
    """
    exponents = torch.stack([-temperature * (anchor + negative) ** 2 for negative in negatives])
    return -torch.logsumexp(exponents, dim=0)

"""PatchGAN: a discriminator that judges overlapping patches.

Source: facts/methods.md 1.10 and 2.3 (NLayer discriminator of the sister paper's training configuration):
2,765,633 parameters at features 64, layers 3, with a 14 x 14 logit map and a field of 70 px for a 128 px crop.
"""

from torch import Tensor, nn


class PatchGAN(nn.Module):
    """Image B x 3 x H x W in [0, 1] to logits B x 1 x h x w; positive means 'real'."""

    def __init__(self, features: int, layers: int) -> None:
        super().__init__()
        widths = [features * min(2**index, 8) for index in range(layers + 1)]
        body: list[nn.Module] = [nn.Conv2d(3, features, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        for index in range(1, layers + 1):
            stride = 1 if index == layers else 2
            body += [
                nn.Conv2d(widths[index - 1], widths[index], 4, stride=stride, padding=1, bias=False),
                nn.BatchNorm2d(widths[index]),
                nn.LeakyReLU(0.2),
            ]
        self.model = nn.Sequential(*body, nn.Conv2d(widths[-1], 1, 4, padding=1))

    def forward(self, image: Tensor) -> Tensor:
        logits: Tensor = self.model(image)
        return logits

"""Discriminators: the published sizes, what they see, and which settings name them."""

import pytest
import torch
import torch.nn.functional as F
import yaml
from torch import nn

from pipeline import settings
from pipeline.errors import UserError
from pipeline.networks.discriminators import VGG128, PatchGAN, UNet, build_discriminator
from pipeline.settings import Discriminator

KINDS = {
    "patchgan": (Discriminator(kind="patchgan", features=64, layers=3), PatchGAN, 2_765_633, (14, 14)),
    "vgg128": (Discriminator(kind="vgg128", features=64), VGG128, 14_499_401, (1, 1)),
    "unet": (Discriminator(kind="unet", features=64), UNet, 4_376_897, (128, 128)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_parameters_and_logit_map_of_the_facts(kind):
    chosen, network_type, parameters, size = KINDS[kind]
    network = build_discriminator(chosen)
    assert type(network) is network_type
    assert sum(p.numel() for p in network.parameters()) == parameters
    with torch.no_grad():
        assert network(torch.rand(2, 3, 128, 128)).shape == (2, 1, *size)


def test_patchgan_sees_70_pixels():
    network = PatchGAN(8, 3).eval()
    image = torch.rand(1, 3, 160, 160, requires_grad=True)
    (gradient,) = torch.autograd.grad(network(image)[0, 0, 9, 9], image)
    columns = gradient.abs().sum(dim=(0, 1, 2)).nonzero()
    assert int(columns.max() - columns.min()) + 1 == 70


def seen_by(network, side, index):
    """First and last image column that the logit `index` of the middle row sees."""
    image = torch.rand(1, 3, side, side, requires_grad=True)
    logits = network(image)
    (gradient,) = torch.autograd.grad(logits[0, 0, logits.shape[2] // 2, index], image)
    columns = gradient.abs().sum(dim=(0, 1, 2)).nonzero()
    return int(columns.min()), int(columns.max())


@pytest.mark.parametrize("layers", [1, 2, 3, 4])
def test_the_grid_of_a_patchgan_is_the_middle_of_what_each_logit_sees(layers):
    torch.manual_seed(0)
    network = PatchGAN(2, layers).eval()
    for index in (6, 7, 8):  # far enough inside that no field is cut off at the image's edge
        first, last = seen_by(network, 2**layers * 20, index)
        assert network.grid.first + network.grid.step * index == (first + last) / 2


def test_grids_of_the_published_sizes():
    assert PatchGAN(2, 3).grid == (8, 11.5)
    assert VGG128(2).grid == (128, 63.5)
    assert UNet(2).grid == (1, 0.0)


@pytest.mark.parametrize("network", [UNet(2), PatchGAN(2, 3)], ids=["unet", "patchgan"])
def test_a_network_of_symmetric_kernels_turns_with_its_image(network):
    """A map that lay aside of its pixels would not. So the middle of the map is the middle of the image."""
    for weight in network.eval().double().parameters():
        if weight.dim() == 4:
            weight.data += weight.data.flip(-1) + weight.data.flip(-2) + weight.data.flip(-1, -2)
    image = torch.rand(1, 3, 64, 64, dtype=torch.float64)
    logits = network(image)
    torch.testing.assert_close(network(image.flip(-1, -2)).flip(-1, -2), logits)
    assert network.grid.first + network.grid.step * (logits.shape[-1] - 1) / 2 == (64 - 1) / 2


def test_vgg128_is_five_pairs_that_halve_with_no_norm_after_the_first():
    layers = VGG128(2).model
    convolutions = [
        (m.in_channels, m.out_channels, m.kernel_size[0], m.stride[0]) for m in layers if isinstance(m, nn.Conv2d)
    ]
    widths = [2, 4, 8, 16, 16]
    pairs = [((i, o, 3, 1), (o, o, 4, 2)) for i, o in zip([3, *widths], widths, strict=False)]
    assert convolutions == [one for pair in pairs for one in pair]
    assert [m.num_features for m in layers if isinstance(m, nn.BatchNorm2d)] == [2, 4, 4, 8, 8, 16, 16, 16, 16]
    assert [(m.in_features, m.out_features) for m in layers if isinstance(m, nn.Linear)] == [(256, 100), (100, 1)]


def test_the_unets_inner_convolutions_have_spectral_norm_one():
    torch.manual_seed(0)
    network = UNet(4)
    for _ in range(60):  # each pass in training mode is one power iteration
        network(torch.rand(1, 3, 16, 16))
    network.eval()
    inner = [*network.down, *network.up, *network.end]
    assert len(inner) == 8
    for convolution in inner:
        largest = torch.linalg.matrix_norm(convolution.weight.flatten(1), ord=2)
        torch.testing.assert_close(largest.item(), 1.0, rtol=0.02, atol=0)


def test_the_unet_computes_real_esrgans_forward():
    torch.manual_seed(0)
    network = UNet(4).eval().double()

    def conv(layer, x, stride=1):
        return F.leaky_relu(F.conv2d(x, layer.weight, layer.bias, stride=stride, padding=1), 0.2)

    def doubled(x):
        return F.interpolate(x, size=[2 * side for side in x.shape[-2:]], mode="bilinear", align_corners=False)

    image = torch.rand(1, 3, 16, 24, dtype=torch.float64)
    x0 = conv(network.first, image)
    x1 = conv(network.down[0], x0, 2)
    x2 = conv(network.down[1], x1, 2)
    x3 = conv(network.down[2], x2, 2)
    x4 = conv(network.up[0], doubled(x3)) + x2
    x5 = conv(network.up[1], doubled(x4)) + x1
    x6 = conv(network.up[2], doubled(x5)) + x0
    end = conv(network.end[1], conv(network.end[0], x6))
    expected = F.conv2d(end, network.last.weight, network.last.bias, padding=1)
    torch.testing.assert_close(network(image), expected)


def loaded(root, tmp_path, discriminator, crop):
    values = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    values["sample"]["discriminator"] = discriminator
    values["sample"]["training"]["crop"] = crop
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return settings.load(path).preset("sample")


@pytest.mark.parametrize(
    ("discriminator", "crop", "message"),
    [
        ({"kind": "vgg128", "features": 4}, 64, r"sample: `discriminator\.kind: vgg128` .*training\.crop is 64"),
        (
            {"kind": "vgg128", "features": 4, "layers": 2},
            128,
            r"sample\.discriminator: .*vgg128 and unet have none",
        ),
        ({"kind": "unet", "features": 4, "layers": 2}, 64, r"sample\.discriminator: .*vgg128 and unet have none"),
        ({"kind": "patchgan", "features": 4}, 64, r"sample\.discriminator: `kind: patchgan` needs layers"),
        ({"kind": "patchgan", "features": 4, "layers": 0}, 64, r"sample\.discriminator\.layers: .*\(got 0\)"),
        ({"kind": "vgg", "features": 4}, 64, r"sample\.discriminator\.kind: .*'vgg128'.*\(got 'vgg'\)"),
    ],
)
def test_a_discriminator_that_cannot_be_is_named(root, tmp_path, discriminator, crop, message):
    with pytest.raises(UserError, match=message):
        loaded(root, tmp_path, discriminator, crop)


@pytest.mark.parametrize(("kind", "crop"), [("vgg128", 128), ("unet", 48)])
def test_a_discriminator_fits_the_crop_that_settings_allow(root, tmp_path, kind, crop):
    preset = loaded(root, tmp_path, {"kind": kind, "features": 4}, crop)
    logits = build_discriminator(preset.discriminator)(torch.rand(2, 3, crop, crop))
    assert logits.shape[:2] == (2, 1)

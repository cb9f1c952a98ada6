"""VGG features against torchvision's own network."""

import pytest
import torch

from pipeline.errors import UserError
from pipeline.networks.vgg import VGGFeatures, layer_indices


@pytest.mark.parametrize(
    ("variant", "layer", "index"),
    [("vgg19", "conv1_2", 2), ("vgg19", "conv2_2", 7), ("vgg19", "conv5_4", 34), ("vgg16", "conv5_3", 28)],
)
def test_layer_indices_are_torchvisions(variant, layer, index):
    assert layer_indices(variant)[layer] == index


@pytest.mark.parametrize(("variant", "top"), [("vgg16", "conv5_3"), ("vgg19", "conv5_4")])
def test_features_equal_torchvisions_before_the_activation(variant, top):
    import torchvision

    torch.manual_seed(0)
    reference = getattr(torchvision.models, variant)(weights=None).features.eval()
    weights = {f"features.{key}": value for key, value in reference.state_dict().items()}
    image = torch.rand(1, 3, 32, 32)
    found = VGGFeatures(variant, ("conv1_2", top), weights)(image, ("conv1_2", top))
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    for layer in ("conv1_2", top):
        stop = layer_indices(variant)[layer] + 1
        # torchvision's ReLUs work in place: the slice must end before the next one.
        torch.testing.assert_close(found[layer], reference[:stop]((image - mean) / std))
        assert found[layer].min() < 0


def test_weights_are_frozen_and_gradients_reach_the_image():
    weights = {
        f"features.{index}.{kind}": torch.randn(shape)
        for index, shapes in {0: ((64, 3, 3, 3), (64,)), 2: ((64, 64, 3, 3), (64,))}.items()
        for kind, shape in zip(("weight", "bias"), shapes, strict=True)
    }
    network = VGGFeatures("vgg19", ("conv1_2",), weights)
    image = torch.rand(1, 3, 8, 8, requires_grad=True)
    network(image, ("conv1_2",))["conv1_2"].sum().backward()
    assert image.grad.abs().sum() > 0
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_a_layer_that_the_variant_lacks_is_named():
    with pytest.raises(UserError, match=r"vgg16 has no layer conv5_4"):
        VGGFeatures("vgg16", ("conv1_2", "conv5_4"), {})

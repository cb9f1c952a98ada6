"""Networks trained by others, as data: where each is published, and its tensors as safetensors.

`obtain(name, ...)` gives the tensors of one entry of `registry.yaml`; the stage `weights` writes them to
`runs/<preset>/pretrained/<name>/weights.safetensors`, beside `weights.json`. Nothing is unpickled beyond tensors
and plain numpy arrays. The keys, by the layout that weights.json names (layouts.py has every shape):

    rrdb                        BasicSR's: conv_first, body.N.rdbM.convK, conv_body, conv_up1, conv_up2, conv_hr,
                                conv_last
    released                    the authors' of Cria-CL, as pipeline/networks/released.py
    edsr, edsr_baseline         the authors': head.0, body.N.body.{0,2}, tail.0.{0,2}, tail.1, sub_mean, add_mean
    alexnet_lpips, vgg16_lpips  torchvision's features.K.{weight,bias}; LPIPS's heads lin{0..4}.model.1.weight
    vgg19                       torchvision's features.K.{weight,bias}
    dists                       alpha, beta; its features are those of vgg16_lpips
    niqe                        mu_pris_param, cov_pris_param, in float64
"""

from pipeline.weights.obtain import Pretrained, obtain
from pipeline.weights.perceptual import PerceptualWeights, perceptual_weights

__all__ = ["PerceptualWeights", "Pretrained", "obtain", "perceptual_weights"]

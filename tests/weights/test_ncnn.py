"""ncnn's two files: every byte read, every layer held against RRDBNet; anything else is refused by its place."""

import re
import struct
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import UserError
from pipeline.weights import packaged
from pipeline.weights.convert import convert
from pipeline.weights.convert.ncnn import Convolution, convolutions
from pipeline.weights.registry import weight

FIRST = "Convolution c0 1 1 data a 0=64 1=3 4=1 5=1 6=1728"
FIRST_BYTES = 4 + 2 * 1728 + 4 * 64
"""Of conv_first in the .bin: flag, weights, biases."""


@pytest.fixture(scope="module")
def published():
    """The .param as text and the .bin as bytes of Real-ESRGAN."""
    param, binary = (packaged.locate(file) for file in weight("real_esrgan").origins[0].files)
    return param.read_text(), binary.read_bytes()


@pytest.fixture
def reading(tmp_path):
    """What reading a changed pair says."""

    def read(param, binary):
        (tmp_path / "x.param").write_text(param)
        (tmp_path / "x.bin").write_bytes(binary)
        with pytest.raises(UserError) as caught:
            convert([tmp_path / "x.param", tmp_path / "x.bin"], "ncnn", "rrdb")
        return str(caught.value)

    return read


def graph(*layers):
    return "\n".join(["7767517", f"{len(layers)} 1", *layers, ""])


def test_the_numbers_are_fp16_weights_and_fp32_biases_as_they_lie_in_the_file(held, published):
    _, binary = published
    weights = np.array(struct.unpack_from("<1728e", binary, 4), np.float32).reshape(64, 3, 3, 3)
    biases = np.array(struct.unpack_from("<64f", binary, 4 + 2 * 1728), np.float32)
    tensors = held("real_esrgan").tensors
    assert np.array_equal(tensors["conv_first.weight"], weights)
    assert np.array_equal(tensors["conv_first.bias"], biases)
    assert np.array_equal(tensors["conv_last.bias"], struct.unpack("<3f", binary[-12:]))


@pytest.mark.parametrize("kept", [0, 3, FIRST_BYTES + 2, 33_424_519])
def test_a_bin_that_ends_too_early_is_refused_with_the_place(reading, published, kept):
    param, binary = published
    place = {0: "conv_first", 3: "conv_first", 33_424_519: "conv_last"}.get(kept, "body.0.rdb1.conv1")
    assert f"x.bin: truncated at {place}: it has {kept} bytes" in reading(param, binary[:kept])


def test_a_bin_with_bytes_left_over_is_refused(reading, published):
    param, binary = published
    assert "x.bin: 2 bytes are left over" in reading(param, binary + b"\0\0")


def test_a_bin_that_is_not_fp16_is_refused(reading, published):
    param, binary = published
    assert "conv_first has the flag 0x00000000" in reading(param, b"\0\0\0\0" + binary[4:])


def test_a_bin_with_a_weight_that_is_no_number_is_refused(reading, published):
    param, binary = published
    assert "conv_first.weight has values that are not finite" in reading(
        param, binary[:4] + b"\x00\x7e" + binary[6:]
    )


@pytest.mark.parametrize(
    ("pattern", "replacement", "said"),
    [
        (r"^7767517", "7767518", "not an ncnn .param: it begins with '7767518'"),
        (r"\nConvolution +Conv_4 .*", "", "truncated .param: it has 998 layers of 999"),
        (r"\nConvolution( +Conv_4 )", r"\nDeconvolution\1", "layers that RRDBNet has not: Deconvolution"),
        (r"\nConvolution( +Conv_4 )", r"\nSplit\1", "it has 350 convolutions, rrdb has 351"),
        (r"(Conv_4 .*)0=32(.*)6=27648", r"\g<1>0=64\g<2>6=55296", "where body.0.rdb1.conv2 of rrdb should"),
        (r"(Conv_4 .*) 9=2 .*", r"\1", "where body.0.rdb1.conv2 of rrdb should"),
        (r"(Conv_4 .*)1,2.000000e-01", r"\g<1>1,1.000000e-01", "slope=0.1) stands where body.0.rdb1.conv2"),
        (r"(Conv_4 .*) 1=3", r"\1 1=5", "Conv_4 is not a 3 x 3 convolution"),
        (r"(Conv_4 .*) 5=1", r"\1 5=0", "Conv_4 is not a 3 x 3 convolution with padding and bias"),
        (r"(Conv_4 .*) 1=3", r"\1 1=3 3=2", "Conv_4 has keys that are not read: 3"),
        (r"(Conv_4 .*)6=27648", r"\g<1>6=27649", "Conv_4 has 27649 weights, no multiple"),
        (r"(Conv_4 .*) 9=2", r"\1 9=1", "Conv_4 has the activation 1"),
        (r"(Conv_4 .*)0=32", r"\g<1>0=0", "broken ncnn .param"),
        (r"(Conv_4 .*)0=32", r"\g<1>0=many", "broken ncnn .param"),
        (r"(Conv_4 .*) 6=27648", r"\1", "broken ncnn .param"),
    ],
    ids=str,
)
def test_a_param_that_is_not_rrdbnets_is_refused_by_the_layer(reading, published, pattern, replacement, said):
    param, binary = published
    changed, times = re.subn(pattern, replacement, param, count=1)
    assert times == 1
    assert said in reading(changed, binary)


def test_a_convolution_says_its_channels_and_its_slope():
    last = "Convolution c1 1 1 a b 0=32 1=3 4=1 5=1 6=18432 9=2 -23310=1,2.000000e-01"
    assert convolutions(graph("Input in 0 1 data", FIRST, last)) == [
        Convolution("c0", 64, 3, None),
        Convolution("c1", 32, 64, 0.2),
    ]


ZEROED = st.sampled_from(FIRST.split()).map(lambda word: FIRST.replace(word, "0"))


@given(st.one_of(st.text(), st.text().map(lambda text: graph(FIRST, text)), ZEROED.map(graph)))
def test_whatever_the_text_it_is_read_or_refused_never_anything_else(text):
    with suppress(UserError):
        assert all(isinstance(item, Convolution) for item in convolutions(text))

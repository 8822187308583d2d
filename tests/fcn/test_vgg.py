"""The ImageNet start: the converted network sees the same as torchvision's."""

from __future__ import annotations

from urllib.error import URLError

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from fcn.errors import DownloadError, WeightsError
from fcn.network import BLOCKS, FULL_WIDTHS, FCN8s, preprocess
from fcn.vgg import CONVOLUTIONS, IMAGENET_MEAN, IMAGENET_STD, convert_vgg16, imagenet_vgg16


def slim_vgg() -> dict[str, Tensor]:
    """Return a state with torchvision's names and eight channels or fewer."""
    torch.manual_seed(0)
    state, channels = {}, 3
    for index in CONVOLUTIONS.values():
        state[f"features.{index}.weight"] = torch.randn(8, channels, 3, 3) / (3 * channels**0.5)
        state[f"features.{index}.bias"] = torch.randn(8)
        channels = 8
    for index, (inputs, outputs) in {0: (8 * 49, 6), 3: (6, 5), 6: (5, 10)}.items():
        state[f"classifier.{index}.weight"] = torch.randn(outputs, inputs) / inputs**0.5
        state[f"classifier.{index}.bias"] = torch.randn(outputs)
    return state


def test_first_convolution_sees_the_same() -> None:
    vgg = slim_vgg()
    images = torch.randint(0, 256, (2, 3, 20, 30), dtype=torch.uint8)
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_STD))
    theirs = (images / 255 - mean) / std
    state = convert_vgg16(vgg)
    # Without padding: at the border the two networks see another mean colour, on purpose.
    expected = F.conv2d(theirs, vgg["features.0.weight"], vgg["features.0.bias"])
    got = F.conv2d(preprocess(images), state["conv1_1.weight"], state["conv1_1.bias"])
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-4)


def test_classifier_becomes_convolutions() -> None:
    vgg = slim_vgg()
    state = convert_vgg16(vgg)
    maps = torch.randn(1, 8, 7, 7)
    hidden = F.linear(maps.flatten(1), vgg["classifier.0.weight"], vgg["classifier.0.bias"])
    got = F.conv2d(maps, state["fc6_cs.weight"], state["fc6_cs.bias"]).flatten(1)
    torch.testing.assert_close(got, hidden)
    expected = F.linear(hidden, vgg["classifier.3.weight"], vgg["classifier.3.bias"])
    got = F.conv2d(hidden[..., None, None], state["fc7_cs.weight"], state["fc7_cs.bias"])
    torch.testing.assert_close(got.flatten(1), expected)


def test_names_and_shapes_are_those_of_the_network() -> None:
    state = convert_vgg16(slim_vgg())
    widths = {name: state[f"{name}.weight"].shape[0] for name in FULL_WIDTHS}
    expected = FCN8s(20, widths).state_dict()
    assert set(expected) - set(state) == {n for n in expected if n.startswith(("score", "up"))}
    assert all(expected[name].shape == tensor.shape for name, tensor in state.items())
    assert list(CONVOLUTIONS) == [name for block in BLOCKS for name in block]


def test_another_network_is_refused() -> None:
    vgg = slim_vgg()
    with pytest.raises(WeightsError, match="expected 392 inputs"):
        convert_vgg16(vgg | {"classifier.0.weight": torch.zeros(6, 100)})
    del vgg["features.5.bias"]
    with pytest.raises(WeightsError, match=r"features\.5\.bias is missing"):
        convert_vgg16(vgg)


def test_offline_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise URLError("no route to host")

    monkeypatch.setattr("torchvision._internally_replaced_utils.load_state_dict_from_url", refuse)
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", refuse)
    with pytest.raises(DownloadError, match="--from-scratch"):
        imagenet_vgg16()

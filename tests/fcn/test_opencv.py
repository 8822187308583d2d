"""Our network against OpenCV's Caffe importer, on the same caffemodel."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from caffemodel_writer import random_layers, write_random

from fcn.network import BLOCKS, FULL_WIDTHS
from fcn.weights import load_weights

SLIM = dict.fromkeys(FULL_WIDTHS, 8) | {"conv2_1": 5, "conv5_3": 11, "fc6_cs": 16, "fc7_cs": 12}


def layer(name: str, kind: str, bottoms: str | list[str], parameters: str = "") -> str:
    bottoms = [bottoms] if isinstance(bottoms, str) else bottoms
    lines = "".join(f' bottom: "{bottom}"' for bottom in bottoms)
    return f'layer {{ name: "{name}" type: "{kind}"{lines} top: "{name}" {parameters} }}\n'


def convolution(name: str, bottom: str, outputs: int, kernel: int, pad: int = 0) -> str:
    sizes = f"num_output: {outputs} kernel_size: {kernel} pad: {pad}"
    return layer(name, "Convolution", bottom, f"convolution_param {{ {sizes} }}")


def deconvolution(name: str, bottom: str, outputs: int, kernel: int) -> str:
    sizes = f"num_output: {outputs} bias_term: false kernel_size: {kernel} stride: {kernel // 2}"
    return layer(name, "Deconvolution", bottom, f"convolution_param {{ {sizes} }}")


def crop(name: str, bottom: str, like: str, offset: int) -> str:
    return layer(name, "Crop", [bottom, like], f"crop_param {{ axis: 2 offset: {offset} }}")


def prototxt(widths: dict[str, int], outputs: int, height: int, width: int) -> str:
    """Describe FCN-8s to Caffe, from the protocol and not from our network."""
    text = 'name: "fcn8s"\ninput: "data"\ninput_shape {{ dim: 1 dim: 3 dim: {} dim: {} }}\n'
    text = text.format(height, width)
    top = "data"
    for number, block in enumerate(BLOCKS, 1):
        for name in block:
            text += convolution(name, top, widths[name], 3, 100 if name == "conv1_1" else 1)
            text += layer(f"relu_{name}", "ReLU", name)
            top = f"relu_{name}"
        pool = "pooling_param { pool: MAX kernel_size: 2 stride: 2 }"
        text += layer(f"pool{number}", "Pooling", top, pool)
        top = f"pool{number}"
    for name, kernel in (("fc6_cs", 7), ("fc7_cs", 1)):
        text += convolution(name, top, widths[name], kernel) + layer(f"relu_{name}", "ReLU", name)
        top = f"relu_{name}"
    text += convolution("score_fr", top, outputs, 1)
    text += deconvolution("upscore2", "score_fr", outputs, 4)
    text += convolution("score_pool4", "pool4", outputs, 1)
    text += crop("score_pool4c", "score_pool4", "upscore2", 5)
    text += layer("fuse_pool4", "Eltwise", ["upscore2", "score_pool4c"])
    text += deconvolution("upscore_pool4", "fuse_pool4", outputs, 4)
    text += convolution("score_pool3", "pool3", outputs, 1)
    text += crop("score_pool3c", "score_pool3", "upscore_pool4", 9)
    text += layer("fuse_pool3", "Eltwise", ["upscore_pool4", "score_pool3c"])
    text += deconvolution("upscore8", "fuse_pool3", outputs, 16)
    return text + crop("score", "upscore8", "data", 31)


def compare(path: Path, widths: dict[str, int], height: int, width: int) -> None:
    image = np.random.default_rng(5).uniform(-80, 180, (1, 3, height, width)).astype(np.float32)
    deploy = path.with_name(f"deploy_{height}x{width}.prototxt")
    deploy.write_text(prototxt(widths, 20, height, width))
    network = cv2.dnn.readNetFromCaffe(str(deploy), str(path))
    network.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)
    network.enableWinograd(False)  # an approximation of its own
    network.setInput(image)
    expected = network.forward("score").copy()
    del network
    with torch.inference_mode():
        found = load_weights(path).build()(torch.from_numpy(image)).numpy()
    assert found.shape == expected.shape == (1, 20, height, width)
    relative = np.abs(found - expected).max() / np.abs(expected).max()
    same = float((found.argmax(1) == expected.argmax(1)).mean())
    classes = len(np.unique(expected.argmax(1)))
    print(f"{height}×{width}: relative {relative:.1e}, argmax {same:.6f}, {classes} classes")
    assert relative <= 1e-4
    assert same >= 0.9999
    assert classes >= 5  # a constant map would agree with anything


@pytest.mark.slow
def test_full_width(full_width: Path) -> None:
    compare(full_width, dict(FULL_WIDTHS), 96, 160)


@pytest.mark.parametrize(("height", "width"), [(64, 64), (97, 131), (23, 47), (33, 250), (128, 65)])
def test_slim(height: int, width: int, tmp_path: Path) -> None:
    path = write_random(tmp_path / "slim.caffemodel", SLIM, seed=2)
    compare(path, SLIM, height, width)


def test_the_writer_covers_every_layer() -> None:
    assert [name for name, _ in random_layers()][:15] == list(FULL_WIDTHS)

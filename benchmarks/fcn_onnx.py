"""A random FCN-8s whose scores are well scaled, and the same network as an ONNX file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from fcn.network import BLOCKS, CROP_POOL3, CROP_POOL4, CROP_SCORE, PAD, FCN8s


def random_network(widths: Mapping[str, int], seed: int = 0) -> FCN8s:
    """Return a network whose maps keep their scale, so that every class wins somewhere."""
    torch.manual_seed(seed)
    with torch.device("meta"):
        model = FCN8s(20, widths)
    model = model.to_empty(device="cpu").eval().requires_grad_(False)
    for name, parameter in model.named_parameters():
        if name.startswith("up"):
            parameter.normal_(0, 0.1)
        elif parameter.ndim > 1:
            parameter.normal_(0, (2 / parameter[0].numel()) ** 0.5)
        else:
            parameter.normal_(0, 0.3)
    model.conv1_1.weight /= 60  # photos without their mean deviate by about that much
    return model


def write_onnx(model: FCN8s, path: Path, height: int, width: int) -> None:
    """Write the network for frames of a fixed size: what every runtime does best with."""
    nodes: list[onnx.NodeProto] = []
    weights: list[onnx.TensorProto] = []

    def constant(name: str, values: torch.Tensor) -> str:
        weights.append(numpy_helper.from_array(values.contiguous().numpy(), name))
        return name

    def node(kind: str, *inputs: str, **attributes: object) -> str:
        name = f"{kind}_{len(nodes)}"
        nodes.append(helper.make_node(kind, list(inputs), [name], name, **attributes))
        return name

    def conv(name: str, x: str) -> str:
        layer = model.get_submodule(name)
        inputs = [x, constant(f"{name}.weight", layer.weight)]
        if layer.bias is not None:
            inputs.append(constant(f"{name}.bias", layer.bias))
        kernel = list(layer.kernel_size)
        if name.startswith("up"):
            return node("ConvTranspose", *inputs, kernel_shape=kernel, strides=list(layer.stride))
        pads = [PAD if name == "conv1_1" else 1] * 4 if kernel == [3, 3] else [0] * 4
        return node("Conv", *inputs, kernel_shape=kernel, pads=pads)

    def crop(x: str, offset: int, size: tuple[int, int]) -> str:
        starts = torch.tensor([offset, offset])
        limits = [
            constant(f"{x}.starts", starts),
            constant(f"{x}.ends", starts + torch.tensor(size)),
            constant(f"{x}.axes", torch.tensor([2, 3])),
        ]
        return node("Slice", x, *limits)

    x, pools = "data", []
    for block in BLOCKS:
        for name in block:
            x = node("Relu", conv(name, x))
        x = node("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)
        pools.append(x)
    for name in ("fc6_cs", "fc7_cs"):
        x = node("Relu", conv(name, x))
    high, wide = (_fc6_length(length) for length in (height, width))
    x = conv("upscore2", conv("score_fr", x))
    high, wide = 2 * high + 2, 2 * wide + 2
    x = node("Add", x, crop(conv("score_pool4", pools[3]), CROP_POOL4, (high, wide)))
    x = conv("upscore_pool4", x)
    high, wide = 2 * high + 2, 2 * wide + 2
    x = node("Add", x, crop(conv("score_pool3", pools[2]), CROP_POOL3, (high, wide)))
    crop(conv("upscore8", x), CROP_SCORE, (height, width))
    nodes[-1].output[0] = "score"

    def described(name: str, shape: list[int]) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    graph = helper.make_graph(
        nodes,
        "fcn8s",
        [described("data", [1, 3, height, width])],
        [described("score", [1, model.outputs, height, width])],
        weights,
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path
    )


def _fc6_length(length: int) -> int:
    length += 2 * PAD - 2
    for _ in BLOCKS:
        length = -(-length // 2)
    return length - 6

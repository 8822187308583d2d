"""Writes caffemodels in every form that Caffe ever wrote; protobuf's wire format by hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fcn.network import FULL_WIDTHS

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Form:
    """How a file is written; the default is what Caffe writes today."""

    v1: bool = False  # field 2 `layers` in place of field 100 `layer`
    packed: bool = True  # numbers as one run of bytes, or each with a tag of its own
    legacy: bool = False  # num, channels, height, width in place of a shape
    packed_dims: bool = True
    double: bool = False
    chunks: int = 1  # packed numbers in so many fields
    data_first: bool = False  # the numbers before their shape


def varint(value: int) -> bytes:
    value &= 0xFFFF_FFFF_FFFF_FFFF
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number: int, wire: int, payload: bytes) -> bytes:
    length = varint(len(payload)) if wire == 2 else b""
    return varint(number << 3 | wire) + length + payload


def blob(array: Array, form: Form = Form()) -> bytes:
    dims = array.shape
    if form.legacy:
        dims = (1,) * (4 - len(dims)) + dims
        shape = b"".join(field(i + 1, 0, varint(dim)) for i, dim in enumerate(dims))
    elif form.packed_dims:
        shape = field(7, 2, field(1, 2, b"".join(map(varint, dims))))
    else:
        shape = field(7, 2, b"".join(field(1, 0, varint(dim)) for dim in dims))
    number, wire, dtype = (8, 1, "<f8") if form.double else (5, 5, "<f4")
    flat = array.astype(dtype).reshape(-1)
    if form.packed:
        parts = np.array_split(flat, form.chunks)
        data = b"".join(field(number, 2, part.tobytes()) for part in parts)
    else:
        records = np.zeros(len(flat), np.dtype([("tag", "u1"), ("value", dtype)]))
        records["tag"] = number << 3 | wire
        records["value"] = flat
        data = records.tobytes()
    return data + shape if form.data_first else shape + data


def layer(name: str | bytes, arrays: Iterable[Array], form: Form = Form()) -> bytes:
    name = name.encode() if isinstance(name, str) else name
    name_field, blobs_field = (4, 6) if form.v1 else (1, 7)
    kind = field(5, 0, varint(4)) if form.v1 else field(2, 2, b"Convolution")
    body = field(name_field, 2, name) + kind
    body += b"".join(field(blobs_field, 2, blob(array, form)) for array in arrays)
    return field(2 if form.v1 else 100, 2, body)


def net(layers: Mapping[str, Iterable[Array]], form: Form = Form()) -> bytes:
    head = field(1, 2, b"fcn8s")
    return head + b"".join(layer(name, arrays, form) for name, arrays in layers.items())


SLIM = dict.fromkeys(FULL_WIDTHS, 3) | {"fc6_cs": 5, "fc7_cs": 4}
KERNELS = {"fc6_cs": 7, "fc7_cs": 1}
BELOW = {"score_fr": "fc7_cs", "score_pool4": "conv4_3", "score_pool3": "conv3_3"}
UPSCORES = {"upscore2": 4, "upscore_pool4": 4, "upscore8": 16}


def random_layers(
    widths: Mapping[str, int] = SLIM, outputs: int = 20, seed: int = 0
) -> Iterator[tuple[str, list[Array]]]:
    """Yield an FCN-8s layer by layer, random but scaled so that activations keep their size."""
    rng = np.random.default_rng(seed)

    def normal(shape: tuple[int, ...], fan: float) -> Array:
        values = rng.standard_normal(shape, np.float32)
        values *= np.float32((2 / fan) ** 0.5)
        return values

    below = 3
    for name, width in widths.items():
        k = KERNELS.get(name, 3)
        yield name, [normal((width, below, k, k), below * k * k), normal((width,), 200)]
        below = width
    for name, source in BELOW.items():
        yield (
            name,
            [
                normal((outputs, widths[source], 1, 1), widths[source]),
                normal((outputs,), 20),
            ],
        )
    for name, k in UPSCORES.items():
        yield name, [normal((outputs, outputs, k, k), outputs * k)]


def write_random(path: Path, widths: Mapping[str, int], seed: int = 0) -> Path:
    """Write a random FCN-8s, layer by layer, so that a full-width one needs little memory."""
    with path.open("wb") as file:
        file.write(field(1, 2, b"fcn8s"))
        for name, arrays in random_layers(widths, seed=seed):
            file.write(layer(name, arrays))
    return path

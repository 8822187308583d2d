"""The fast network gives the plain network's scores; float64 is the reference."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from fcn import winograd
from fcn.border import frame_length, stretch, windows
from fcn.fast import F27, F43, FastFCN8s
from fcn.network import BLOCKS, FULL_WIDTHS, PAD, FCN8s, preprocess
from fcn.weights import load_weights
from fcn.winograd import GroupedProduct, ToomCook, WinogradConv
from fcn.workers import Workers, Workspace

SLIM = dict.fromkeys(FULL_WIDTHS, 6)
MID = {name: 64 + 8 * (i % 3) for i, name in enumerate(FULL_WIDTHS)}
MIXED = {name: 20 if i % 4 == 0 else 64 for i, name in enumerate(FULL_WIDTHS)}


def network(widths: Mapping[str, int], outputs: int = 20) -> FCN8s:
    """A random network whose maps keep their scale from layer to layer."""
    torch.manual_seed(1)
    model = FCN8s(outputs, widths).eval().requires_grad_(False)
    for name, parameter in model.named_parameters():
        if name.startswith("up"):
            parameter.normal_(0, 0.1)
        elif parameter.ndim > 1:
            torch.nn.init.kaiming_normal_(parameter)
        else:
            parameter.normal_(0, 0.3)
    model.conv1_1.weight /= 60
    return model


def images(count: int, height: int, width: int) -> Tensor:
    generator = torch.Generator().manual_seed(height * width + count)
    return 60 * torch.randn(count, 3, height, width, generator=generator)


def error(got: Tensor, reference: Tensor) -> float:
    return float((got - reference).abs().max() / reference.abs().max())


@pytest.mark.parametrize(
    "size", [(1, 64, 96), (3, 48, 40), (1, 90, 121), (2, 33, 7), (1, 1, 1), (1, 15, 64)]
)
@pytest.mark.parametrize("widths", [SLIM, MID, MIXED], ids=["slim", "mid", "mixed"])
def test_scores_are_those_of_float64(widths: dict[str, int], size: tuple[int, int, int]) -> None:
    model, x = network(widths), images(*size)
    got = FastFCN8s(model, widths is not SLIM)(x)
    reference = model.double()(x.double())
    assert got.dtype == torch.float32
    assert got.shape == reference.shape
    assert error(got, reference) < 1e-5
    assert (got.argmax(1) == reference.argmax(1)).double().mean() >= 0.9999


@pytest.mark.parametrize(("height", "width"), [(256, 256), (360, 480)])
def test_larger_frames(height: int, width: int) -> None:
    model, x = network(SLIM), images(1, height, width)
    assert error(FastFCN8s(model)(x), model.double()(x.double())) < 1e-5


@pytest.mark.parametrize("residue", range(16))
def test_every_way_a_frame_falls_on_the_poolings(residue: int) -> None:
    model = network(dict.fromkeys(FULL_WIDTHS, 4), outputs=3)
    fast = FastFCN8s(model)
    for length in (16 + residue, 32 + residue):
        x = images(1, length, 31 + residue)
        assert error(fast(x), model.double()(x.double())) < 1e-5
        model.float()


@pytest.mark.parametrize("widths", [SLIM, MID], ids=["slim", "mid"])
def test_frames_do_not_depend_on_their_batch(widths: dict[str, int]) -> None:
    fast, x = FastFCN8s(network(widths), widths is MID), images(3, 50, 70)
    assert error(fast(x), torch.cat([fast(frame[None]) for frame in x])) < 1e-5


def test_calls_do_not_depend_on_earlier_ones() -> None:
    fast, x = FastFCN8s(network(MID), winograd=True), images(1, 64, 80)
    first = fast(x)
    fast(images(1, 37, 200))
    torch.testing.assert_close(fast(x), first, rtol=0, atol=0)


def test_frame_without_an_image_is_the_border_everywhere() -> None:
    model = network(SLIM)
    x = torch.zeros(1, 3, 70, 90)
    assert error(FastFCN8s(model)(x), model.double()(x.double())) < 1e-5


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads_change_nothing_and_are_put_back(threads: int) -> None:
    model, x = network(MID), images(1, 40, 60)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        got = FastFCN8s(model, winograd=True)(x)
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert error(got, model.double()(x.double())) < 1e-5


def test_many_callers_wait_for_each_other() -> None:
    fast, x = FastFCN8s(network(MID), winograd=True), images(1, 40, 60)
    expected, results = fast(x), []
    threads = [threading.Thread(target=lambda: results.append(fast(x))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 3
    assert all(error(result, expected) < 1e-5 for result in results)


def test_model_may_be_freed() -> None:
    model, x = network(MID), images(1, 40, 60)
    reference = model(x)
    fast = FastFCN8s(model, winograd=True)
    del model
    assert error(fast(x), reference) < 1e-5


def test_refuses_other_types() -> None:
    with pytest.raises(ValueError, match=r"expected float32 on cpu"):
        FastFCN8s(network(SLIM).double())
    fast = FastFCN8s(network(SLIM))
    with pytest.raises(ValueError, match=r"expected float32 of shape \(N, 3, H, W\)"):
        fast(torch.zeros(1, 3, 8, 8, dtype=torch.uint8))
    with pytest.raises(ValueError, match=r"expected float32 of shape"):
        fast(torch.zeros(3, 8, 8))


# Border


def simulated(length: int) -> list[list[tuple[bool, bool]]]:
    """For each index of each layer of blocks 1 to 4: reached by the image, by the edge?"""
    state = [(PAD <= i < PAD + length, False) for i in range(length + 2 * PAD)]
    state = [(any(image for image, _ in state[i : i + 3]), False) for i in range(len(state) - 2)]
    layers = [state]
    for block, names in enumerate(BLOCKS[:4]):
        for _ in names[1 if block == 0 else 0 :]:
            padded = [(False, True), *state, (False, True)]
            state = [
                (any(s[0] for s in near), any(s[1] for s in near))
                for near in zip(padded, padded[1:], padded[2:], strict=False)
            ]
            layers.append(state)
        pairs = [state[i : i + 2] for i in range(0, len(state), 2)]
        state = [(any(s[0] for s in pair), any(s[1] for s in pair)) for pair in pairs]
    return layers


@pytest.mark.parametrize("length", [*range(1, 49), 131, 256, 360])
def test_windows_hold_the_image_and_keep_away_from_the_edge(length: int) -> None:
    layers = iter(simulated(length))
    for window, names in zip(windows(length), BLOCKS, strict=False):
        assert window.start % 2 == window.stop % 2 == 0
        for name in names:
            state = next(layers)
            assert len(state) == window.size
            inside = range(window.start, window.stop)
            assert all(i in inside for i, (image, _) in enumerate(state) if image)
            around = inside if name == names[-1] else range(inside.start - 1, inside.stop + 1)
            assert not any(state[i][1] for i in around)


@pytest.mark.parametrize("length", [1, 15, 16, 31, 32, 47, 100, 1024])
def test_stretched_border_has_its_ends(length: int) -> None:
    small, large = windows(frame_length(length))[3].pooled.size, windows(length)[3].pooled.size
    border = torch.arange(float(small)).expand(small, small)
    full = stretch(border, large, large)
    middle = small // 2
    assert full.shape == (large, large)
    assert torch.equal(full[0, :middle], border[0, :middle])
    assert torch.equal(full[0, large - small + middle :], border[0, middle:])
    assert (full[0, middle : large - small + middle] == middle).all()


# Winograd


@pytest.mark.parametrize(
    ("transform", "channels"),
    [
        (F43, 8),
        (F27, 8),
        (ToomCook(4, 3, (1.0, 2.0)), 5),
        (ToomCook(2, 5, (1.0, 2.0)), 5),
        (ToomCook(6, 3, (1.0, 2.0, 0.5)), 5),
        (ToomCook(4, 5, (1.0, 2.0, 0.5)), 5),
        (ToomCook(8, 3, (1.0, 2.0, 0.5, 1.5)), 3),
    ],
    ids=["F(4,3)", "F(2,7)", "F(4,3) 1 2", "F(2,5)", "F(6,3)", "F(4,5)", "F(8,3)"],
)
def test_winograd_is_convolution_in_float64(transform: ToomCook, channels: int) -> None:
    torch.manual_seed(2)
    m, r = transform.outputs, transform.taps
    weight, bias = torch.randn(11, channels, r, r).double(), torch.randn(11).double()
    rows = torch.randn(3 * m + r - 1, 2 * m + r - 1, channels).double()
    expected = F.conv2d(rows.permute(2, 0, 1)[None], weight, bias)[0].permute(1, 2, 0)
    conv = WinogradConv(weight, bias, transform, block=4)
    assert error(conv(rows, Workspace()), expected) < 1e-12
    assert error(conv.shared(rows, Workers()), expected) < 1e-12


@pytest.mark.parametrize(("transform", "bound"), [(F43, 1e-5), (F27, 2e-5)])
def test_winograd_rounds_little(transform: ToomCook, bound: float) -> None:
    torch.manual_seed(3)
    m, r = transform.outputs, transform.taps
    weight, bias = torch.randn(64, 256, r, r) / 16 / r, torch.randn(64)
    rows = torch.randn(4 * m + r - 1, 4 * m + r - 1, 256).clamp_min(0)
    image = rows.permute(2, 0, 1)[None].double()
    expected = F.conv2d(image, weight.double(), bias.double())[0].permute(1, 2, 0)
    with torch.inference_mode():
        assert error(WinogradConv(weight, bias, transform)(rows, Workspace()), expected) < bound


def test_winograd_refuses_points_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="expected 2 of them"):
        ToomCook(4, 3, (1.0, 2.0, 3.0))
    with pytest.raises(ValueError, match="of which the first is 1"):
        ToomCook(4, 3, (2.0, 1.0))


def test_product_serves_any_number_of_rows() -> None:
    weight, bias = torch.randn(5, 7, 16), torch.randn(5, 7)
    product = GroupedProduct(lambda: weight, bias, 16)
    with torch.inference_mode():
        for count in (3, 40, 3):
            x = torch.randn(count, 5, 16)
            expected = torch.einsum("tgc,gkc->tgk", x, weight) + bias
            torch.testing.assert_close(product(x), expected, rtol=1e-4, atol=1e-4)


# Workers


def test_workers_divide_the_work() -> None:
    for length in (1, 2, 7):
        parts = Workers.split(length)
        assert parts[0][0] == 0
        assert parts[-1][1] == length
        assert all(a[1] == b[0] for a, b in pairwise(parts))


def test_workers_pass_on_errors() -> None:
    def job(start: int, stop: int, workspace: Workspace) -> None:
        raise ArithmeticError(f"{start} {stop}")

    before = torch.get_num_threads()
    with pytest.raises(ArithmeticError):
        Workers().run(job, 4)
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("name", ["slim_a", "slim_b"])
def test_golden_argmax_maps(name: str, golden: Path) -> None:
    """Six frames of the official script's own run."""
    folder = golden / "fcn" / name
    fast = FastFCN8s(load_weights(folder / "fcn-8s-cityscapes.caffemodel").build())
    same, pixels = 0, 0
    for path in sorted((folder / "expected_argmax").glob("*.png")):
        expected = np.asarray(Image.open(path))
        photo = Image.open(folder / "results" / f"{path.stem}_leftImg8bit.png")
        resized = photo.resize(expected.shape[::-1], Image.Resampling.BILINEAR)
        x = torch.from_numpy(np.array(resized)).permute(2, 0, 1)[None]
        same += int((fast(preprocess(x)).argmax(1)[0].numpy() == expected).sum())
        pixels += expected.size
    assert pixels
    assert same >= 0.9999 * pixels


def test_products_without_onednn_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """A PyTorch whose private operators differ falls back to plain products."""
    torch.manual_seed(5)
    weight, bias = torch.randn(4, 8, 16), torch.randn(4, 8)
    tiles = torch.randn(9, 4, 16)
    quick = GroupedProduct(lambda: weight, bias, 16)(tiles)
    monkeypatch.setattr(winograd, "_has_grouped_1x1", lambda: False)
    plain = GroupedProduct(lambda: weight, bias, 16)(tiles)
    torch.testing.assert_close(quick, plain, rtol=1e-5, atol=1e-5)

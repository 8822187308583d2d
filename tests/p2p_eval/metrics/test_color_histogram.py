"""Histograms of Lab values, and their overlap."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from skimage.color import rgb2lab

from p2p_eval.metrics.color_histogram import (
    BINS,
    RANGES,
    edges,
    histogram_intersection,
    lab_histogram,
    merge,
)

histograms = st.lists(st.integers(0, 1000), min_size=8, max_size=8).filter(any).map(np.array)


@pytest.mark.parametrize("name", ["00_noise_256x256", "07_jpeg_127x130"])
def test_counts_equal_scikit_image_and_numpy(name: str, golden: Path) -> None:
    with Image.open(golden / "iqa" / "ref" / f"{name}.png") as image:
        pixels = np.array(image)
    counts = lab_histogram(torch.from_numpy(pixels).permute(2, 0, 1)[None])
    lab = rgb2lab(pixels)
    expected = [
        np.histogram(lab[..., channel], BINS, span)[0] for channel, span in enumerate(RANGES)
    ]
    assert counts.dtype == torch.int64
    assert np.array_equal(counts[0].numpy(), expected)


def test_colours_nearest_to_an_edge_fall_on_their_side() -> None:
    """Of all 2**24 colours none but black is nearer to an edge of a or b, or of L but for white."""
    colours = {
        (64, 26, 21): (1, 17), (84, 144, 130): (1, -23), (83, 244, 136): (2, 39),
        (157, 92, 15): (2, 50), (0, 0, 0): (1, 0),
    }  # fmt: skip
    for colour, (channel, low) in colours.items():
        image = torch.tensor(colour, dtype=torch.uint8).view(1, 3, 1, 1)
        assert lab_histogram(image)[0, channel].argmax().item() == low + 128
    black_and_white = torch.tensor([0, 255], dtype=torch.uint8).view(1, 1, 1, 2).expand(1, 3, 1, 2)
    assert lab_histogram(black_and_white)[0, 0].nonzero().flatten().tolist() == [0, BINS - 1]


def test_corners_of_the_colour_cube_are_inside_the_ranges() -> None:
    corners = torch.cartesian_prod(*[torch.tensor([0, 255], dtype=torch.uint8)] * 3)
    counts = lab_histogram(corners.T[None, :, None])
    assert (counts.sum(-1) == 8).all()
    assert (counts[0, 1:, [0, -1]] == 0).all()


def test_counts_of_a_batch_are_those_of_its_images() -> None:
    images = torch.randint(256, (3, 3, 9, 14), dtype=torch.uint8)
    together = lab_histogram(images)
    assert together.shape == (3, 3, BINS)
    assert torch.equal(together, torch.cat([lab_histogram(image[None]) for image in images]))
    assert torch.equal(together, lab_histogram(images.flip(3)))


@pytest.mark.gpu
def test_gpu_counts_the_same() -> None:
    images = torch.randint(256, (2, 3, 200, 300), dtype=torch.uint8)
    assert torch.equal(lab_histogram(images.cuda()).cpu(), lab_histogram(images))


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.zeros(1, 1, 2, 2, dtype=torch.uint8), "got 1 channels, expected 3"),
        (torch.zeros(1, 3, 2, 2), "expected torch.uint8"),
        (torch.zeros(3, 2, 2, dtype=torch.uint8), "expected .N, C, H, W."),
    ],
)
def test_histogram_refuses(images: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        lab_histogram(images)


@given(histograms, histograms, st.integers(1, 1000))
def test_intersection_is_a_share_symmetric_and_of_shape_alone(
    p: np.ndarray, q: np.ndarray, times: int
) -> None:
    overlap = histogram_intersection(p, q)
    assert 0 <= overlap <= 1 + 1e-12
    assert overlap == histogram_intersection(q, p)
    assert histogram_intersection(p, p * times) == pytest.approx(1, abs=1e-12)
    assert histogram_intersection(p * times, q) == pytest.approx(overlap, abs=1e-12)


@given(histograms, histograms)
def test_fewer_bins_never_overlap_less(p: np.ndarray, q: np.ndarray) -> None:
    values = [histogram_intersection(merge(p, bins), merge(q, bins)) for bins in (8, 4, 2, 1)]
    assert all(a <= b + 1e-12 for a, b in itertools.pairwise(values))
    assert values[-1] == 1


def test_merged_counts_are_those_of_wider_bins() -> None:
    values = np.random.default_rng(0).uniform(-128, 128, 1000)
    fine, _ = np.histogram(values, BINS, RANGES[1])
    for bins in (32, 64, 128):
        assert np.array_equal(merge(fine, bins), np.histogram(values, edges(bins)[1])[0])


def test_empty_histograms_have_no_overlap() -> None:
    assert np.isnan(histogram_intersection([0, 0], [1, 1]))


def test_intersection_and_merging_refuse() -> None:
    with pytest.raises(ValueError, match="same number of bins"):
        histogram_intersection([1, 2], [1, 2, 3])
    with pytest.raises(ValueError, match="expected a divisor of 4"):
        merge(np.arange(4), 3)

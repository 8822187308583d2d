"""Images to a network's numbers and back."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from p2p_eval.datasets.tasks import TASKS
from p2p_eval.metrics.lab import lab_to_rgb, rgb_to_lab

RANDOM = np.random.default_rng(0)
A, B = (RANDOM.integers(0, 256, (32, 48, 3), np.uint8) for _ in range(2))


@pytest.mark.parametrize("name", list(TASKS))
def test_a_perfect_generator_gives_the_target(name: str) -> None:
    task = TASKS[name]
    source = B if name in ("colorization", "inpainting") else A
    x, y = task.encode(source, B)
    assert x.shape == (task.inputs, 32, 48)
    assert y.shape == (task.outputs, 32, 48)
    assert x.dtype == y.dtype == torch.float32
    assert max(float(x.abs().max()), float(y.abs().max())) <= 1
    np.testing.assert_array_equal(task.decode(x, y), B)


def test_values_are_the_fields() -> None:
    x, y = TASKS["AtoB"].encode(np.zeros((1, 1, 3), np.uint8), np.full((1, 1, 3), 255, np.uint8))
    assert x.unique().tolist() == [-1]
    assert y.unique().tolist() == [1]


def test_outputs_beyond_the_range_are_clipped() -> None:
    x = torch.full((3, 1, 1), 1.5)
    assert TASKS["AtoB"].decode(x, x).tolist() == [[[255, 255, 255]]]


def test_colorization_sees_lightness_only() -> None:
    x, _ = TASKS["colorization"].encode(B, B)
    lab = rgb_to_lab(torch.from_numpy(B).permute(2, 0, 1)[None])[0]
    torch.testing.assert_close(x[0].double(), lab[0] / 50 - 1, rtol=0, atol=1e-5)


def test_inpainting_sees_no_middle_and_changes_nothing_else() -> None:
    task = TASKS["inpainting"]
    x, y = task.encode(B, B)
    assert float(x[:, 8:24, 12:36].abs().max()) == 0
    assert (x[:, :8] == y[:, :8]).all()
    made = task.decode(x, torch.zeros_like(y))
    np.testing.assert_array_equal(made[:8], B[:8])
    assert (made[8:24, 12:36] == 128).all()


def test_lab_comes_back_for_every_16th_color() -> None:
    steps = torch.arange(0, 256, 15, dtype=torch.uint8)
    colors = torch.stack(torch.meshgrid(steps, steps, steps, indexing="ij")).flatten(1)
    image = colors[None, :, :, None]
    for dtype in (torch.float32, torch.float64):
        assert torch.equal(lab_to_rgb(rgb_to_lab(image, dtype=dtype)), image)


def test_colors_that_srgb_has_not_are_clipped() -> None:
    wild = torch.tensor([50.0, 110.0, -110.0]).view(1, 3, 1, 1)
    assert lab_to_rgb(wild).dtype == torch.uint8

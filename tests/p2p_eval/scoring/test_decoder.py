"""What painted labels are decoded to, against all distances in float64."""

from __future__ import annotations

import numpy as np
import pytest

from fcn.labels import LABEL_SETS, label_set
from p2p_eval.scoring.decoder import ColorDecoder


@pytest.mark.parametrize("name", LABEL_SETS)
def test_classes_that_count_and_no_others(name: str) -> None:
    table = label_set(name)
    decoder = ColorDecoder(table)
    assert (decoder.outputs, decoder.identity) == (
        table.num_classes, f"nearest-rgb-{table.num_classes}",
    )  # fmt: skip
    rgb = np.random.default_rng(0).integers(0, 256, (90, 71, 3), np.uint8)
    rgb[0, : len(table.rows)] = [row.color for row in table.rows]  # ignored ones among them
    colors = np.array([row.color for row in table.classes], float)
    expected = ((rgb[..., None, :] - colors) ** 2).sum(-1).argmin(-1)
    decoded = decoder(rgb)
    assert decoded.dtype == np.uint8
    np.testing.assert_array_equal(decoded, expected)

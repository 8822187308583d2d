"""Our network on the golden sets against the argmax maps of the official script's run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fcn.network import preprocess
from fcn.weights import load_weights


@pytest.mark.parametrize("name", ["slim_a", "slim_b"])
def test_argmax_maps(name: str, golden: Path) -> None:
    """Protocol: bilinear to the label's size, the network, argmax over all 20 channels."""
    folder = golden / "fcn" / name
    model = load_weights(folder / "fcn-8s-cityscapes.caffemodel").build()
    same, pixels, frames = 0, 0, 0
    for path in sorted((folder / "expected_argmax").glob("*.png")):
        expected = np.asarray(Image.open(path))
        photo = Image.open(folder / "results" / f"{path.stem}_leftImg8bit.png")
        resized = photo.resize(expected.shape[::-1], Image.Resampling.BILINEAR)
        images = torch.from_numpy(np.array(resized)).permute(2, 0, 1)[None]
        with torch.inference_mode():
            found = model(preprocess(images)).argmax(1)[0].numpy()
        same += int((found == expected).sum())
        pixels += expected.size
        frames += 1
    print(f"{name}: {pixels - same} of {pixels} pixels differ")
    assert frames == 6
    assert same >= 0.9999 * pixels

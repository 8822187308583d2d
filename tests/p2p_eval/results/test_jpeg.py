"""JPEGs: whole ones are read as Pillow reads them, cut ones are refused whatever their end says."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from p2p_eval.errors import InputError
from p2p_eval.results.images import read_rgb

KINDS = {
    "plain": {},
    "best": {"quality": 100, "subsampling": 0},
    "coarse": {"quality": 5},
    "optimized": {"optimize": True},
    "restarts": {"restart_marker_blocks": 3},
    "metadata": {"exif": b"Exif\0\0" + bytes(300), "comment": b"\xff\xd9"},
    "progressive": {"progressive": True},
}


def jpeg(seed: int, size: tuple[int, int], **options: object) -> bytes:
    small = np.random.default_rng(seed).integers(0, 256, (9, 11, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(small).resize(size, Image.Resampling.BICUBIC).save(buffer, "JPEG", **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(1, 1), (8, 8), (97, 55), (256, 256)])
def test_whole_ones_are_read_as_pillow_reads_them(
    tmp_path: Path, kind: str, size: tuple[int, int]
) -> None:
    for seed in range(8):
        data = jpeg(seed, size, **KINDS[kind])
        expected = np.asarray(Image.open(io.BytesIO(data)))
        for tail in (b"", b"\0" * 9, b"after the end \xff\xd9"):
            (tmp_path / "x.jpg").write_bytes(data + tail)
            np.testing.assert_array_equal(read_rgb(tmp_path / "x.jpg"), expected)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "progressive"])
def test_cut_ones_with_an_end_mark_are_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x.jpg"
    data = jpeg(0, (256, 256), **KINDS[kind])
    scan = data.rindex(b"\xff\xda") + 14
    for length in np.linspace(scan, len(data) - 300, 9).astype(int):
        path.write_bytes(data[:length] + b"\xff\xd9")
        with pytest.raises(InputError, match=r"x\.jpg: the image is damaged"):
            read_rgb(path)


@pytest.mark.data
def test_real_ones_are_read_as_pillow_reads_them(test_data: Path) -> None:
    files = sorted((test_data / "facades" / "test").glob("*.jpg"))
    assert len(files) == 106
    for path in files:
        with Image.open(path) as image:
            np.testing.assert_array_equal(read_rgb(path), np.asarray(image))

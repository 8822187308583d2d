"""Which images stand out, and their pictures."""

from __future__ import annotations

import base64
import io
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from p2p_eval.report.read import collect
from p2p_eval.report.triplets import Thumbnails, gallery, pick
from p2p_eval.results.images import file_sha256
from p2p_eval.scores.values_file import SourceFile, ValueRow


def rows(*values: float) -> list[ValueRow]:
    return [ValueRow(f"i{n}", "", {}, {"m": value}) for n, value in enumerate(values)]


def names(values: list[float], better: str) -> list[tuple[str, str]]:
    return [(why, row.image) for why, row in pick(rows(*values), "m", better)]


def test_best_median_and_worst_follow_the_direction() -> None:
    values = [0.1, -0.9, 0.5, 0.3, -0.2]
    assert names(values, "higher") == [("best", "i2"), ("median", "i0"), ("worst", "i1")]
    assert names(values, "lower") == [("best", "i1"), ("median", "i0"), ("worst", "i2")]
    assert names(values, "zero") == [("best", "i0"), ("median", "i3"), ("worst", "i1")]


def test_few_or_equal_values() -> None:
    assert names([1.0, 2.0], "higher") == [("best", "i1"), ("worst", "i0")]
    assert names([1.0], "higher") == [("only image", "i0")]
    assert names([1.0, 1.0, 1.0], "higher") == [("all equal", "i0")]
    assert names([], "higher") == []
    assert names([math.inf, 3.0, math.inf, 4.0], "higher")[0] == ("best", "i0")


def picture(path: Path, size: tuple[int, int] = (400, 200)) -> SourceFile:
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)
    Image.fromarray(pixels).save(path)
    return SourceFile(path.name, None, file_sha256(path))


def test_a_thumbnail_is_small_and_the_same_every_time(tmp_path: Path) -> None:
    file = picture(tmp_path / "a.png")
    first, second = Thumbnails(tmp_path).of(file), Thumbnails(tmp_path).of(file)
    assert first == second
    data = base64.b64decode(first.uri.removeprefix("data:image/jpeg;base64,"))
    with Image.open(io.BytesIO(data)) as image:
        assert image.size == (first.width, first.height) == (168, 84)


def test_halves_are_pictures_of_their_own(tmp_path: Path) -> None:
    whole = picture(tmp_path / "a.png")
    thumbnails = Thumbnails(tmp_path)
    left, right = (
        thumbnails.of(SourceFile(whole.path, half, whole.sha256)) for half in ("left", "right")
    )
    assert left.id != right.id
    assert left.uri != right.uri
    assert (left.width, left.height) == (168, 168)


def test_one_content_under_two_names_is_there_once(tmp_path: Path) -> None:
    thumbnails = Thumbnails(tmp_path)
    first, second = (thumbnails.of(picture(tmp_path / name)) for name in ("a.png", "b.png"))
    assert first.id == second.id
    assert len(thumbnails.shown) == 1


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda path: path.unlink(), "no longer there"),
        (lambda path: picture(path, (8, 8)), "changed since it was scored"),
        (lambda path: path.write_bytes(b"GIF89a"), "cannot be read any more"),
    ],
)
def test_a_changed_image_is_not_shown(tmp_path: Path, damage: object, reason: str) -> None:
    file = picture(tmp_path / "a.png")
    damage(tmp_path / "a.png")  # type: ignore[operator]
    thumbnails = Thumbnails(tmp_path)
    assert thumbnails.of(file).missing == reason
    assert thumbnails.missing == [("a.png", reason)]
    assert thumbnails.shown == []


def test_devices_are_not_read(tmp_path: Path) -> None:
    file = SourceFile("/dev/zero", None, "0" * 64)
    assert Thumbnails(tmp_path).of(file).missing == "cannot be read any more"


def test_pictures_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("p2p_eval.report.triplets.MAX_PICTURES", 1)
    thumbnails = Thumbnails(tmp_path)
    thumbnails.of(picture(tmp_path / "a.png"))
    assert "holds 1 images already" in thumbnails.of(picture(tmp_path / "b.png")).missing


def test_a_gallery_shows_each_metric_with_all_values(scored: Path) -> None:
    thumbnails = Thumbnails(scored)
    galleries = gallery(collect(scored).experiments[0], thumbnails)
    assert [entry.metric for entry in galleries][:2] == ["psnr", "ssim"]
    best = galleries[0].picked[0]
    assert (best.why, best.image, best.value) == ("best", "image3", "∞")
    assert [role for role, _ in best.pictures] == ["input", "output", "target"]
    assert len(best.values) == 5
    assert not thumbnails.missing

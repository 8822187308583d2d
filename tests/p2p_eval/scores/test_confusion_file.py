"""confusion.npz: same rows, same bytes; anything else in its place is refused."""

from __future__ import annotations

import io
import pickle
import random
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from p2p_eval.errors import StoreError
from p2p_eval.scores.confusion_file import FrameCounts, confusion_bytes, read_confusion

ROWS = FrameCounts(
    images=("frankfurt_000000_000294", "b"),
    keys=("0" * 64, "1" * 64),
    counts=np.arange(12, dtype=np.int64).reshape(2, 2, 3),
    classes=("road", "traffic light"),
    signature="fcn-score|labels:ids",
)


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "confusion.npz"
    path.write_bytes(confusion_bytes(ROWS))
    rows = read_confusion(path)
    np.testing.assert_array_equal(rows.counts, ROWS.counts)
    assert replace(rows, counts=ROWS.counts).__class__ is FrameCounts
    assert (rows.images, rows.keys) == (ROWS.images, ROWS.keys)
    assert (rows.classes, rows.signature) == (ROWS.classes, ROWS.signature)
    assert sorted(np.load(path)) == ["classes", "counts", "images", "keys", "signature"]


def test_equal_rows_equal_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    before = confusion_bytes(ROWS)
    monkeypatch.setattr("time.localtime", lambda *_: (2031, 5, 6, 7, 8, 9, 0, 0, 0))
    assert confusion_bytes(ROWS) == before


def test_damage_is_refused_or_harmless(tmp_path: Path) -> None:
    path = tmp_path / "confusion.npz"
    path.write_bytes(confusion_bytes(ROWS))
    whole = path.read_bytes()
    rng = random.Random(0)
    refused = 0
    for _ in range(1000):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 3)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        path.write_bytes(data[: rng.choice([len(data), rng.randrange(len(data))])])
        try:
            rows = read_confusion(path)
        except StoreError:
            refused += 1
        else:
            np.testing.assert_array_equal(rows.counts, ROWS.counts)
    assert refused > 800


def forged(path: Path, **members: bytes) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("images", "keys", "counts", "classes", "signature"):
            array = io.BytesIO()
            np.save(array, np.asarray(getattr(ROWS, name)))
            archive.writestr(f"{name}.npy", members.get(name, array.getvalue()))


def test_a_pickle_is_never_run(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (tmp_path / "run",))  # type: ignore[return-value]

    array = io.BytesIO()
    np.save(array, np.array([Bomb()], dtype=object), allow_pickle=True)
    forged(tmp_path / "a.npz", images=array.getvalue())
    with pytest.raises(StoreError, match="images is object"):
        read_confusion(tmp_path / "a.npz")
    (tmp_path / "b.npz").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(StoreError):
        read_confusion(tmp_path / "b.npz")
    assert not (tmp_path / "run").exists()


def test_a_header_that_promises_too_much_allocates_nothing(tmp_path: Path) -> None:
    array = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        array, {"descr": "<i8", "fortran_order": False, "shape": (1 << 40, 2, 3)}
    )
    forged(tmp_path / "a.npz", counts=array.getvalue())
    with pytest.raises(StoreError, match="counts is int64"):
        read_confusion(tmp_path / "a.npz")


def test_parts_must_fit() -> None:
    for change in (
        {"images": ("a",)},
        {"keys": ("a",)},
        {"classes": ("a",)},
        {"counts": np.zeros((2, 2, 5), np.int64)},
        {"counts": np.zeros((2, 2, 3), np.int32)},
        {"counts": np.full((2, 2, 3), -1)},
    ):
        with pytest.raises(ValueError, match="counts"):
            replace(ROWS, **change)  # type: ignore[arg-type]

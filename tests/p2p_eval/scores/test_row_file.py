"""Rows of counts survive kills, damage is found, and order is what is asked for."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from p2p_eval.errors import StoreError
from p2p_eval.scores import row_file
from p2p_eval.scores.row_file import RowFile

SHAPE = (2, 3)
RECORD = 32 + 4 * 6 + 4


def key(number: int) -> str:
    return hashlib.sha256(bytes([number])).hexdigest()


def counts(number: int) -> np.ndarray:
    return np.arange(6, dtype=np.int64).reshape(SHAPE) + number


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of five rows."""
    path = tmp_path / "folder" / "rows.bin"
    with RowFile(path, SHAPE) as rows:
        assert [rows.append(key(i), counts(i)) for i in range(5)] == [0, 1, 2, 3, 4]
    return path


def test_rows_are_found_again(path: Path) -> None:
    with RowFile(path, SHAPE) as rows:
        assert rows.count == 5
        assert rows.position(key(9)) is None
        for number in range(5):
            position = rows.position(key(number))
            assert position == number
            np.testing.assert_array_equal(rows.read(position), counts(number))


def test_largest_count_is_kept(path: Path) -> None:
    with RowFile(path, SHAPE) as rows:
        large = np.full(SHAPE, 2**32 - 1)
        np.testing.assert_array_equal(rows.read(rows.append(key(7), large)), large)


def test_blocks_give_rows_in_the_order_asked_for(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_file, "BLOCK_BYTES", 2 * RECORD)
    with RowFile(path, SHAPE) as rows:
        blocks = list(rows.blocks([4, 0, 0, 2, 1]))
    assert [len(block) for block in blocks] == [2, 2, 1]
    np.testing.assert_array_equal(np.concatenate(blocks), [counts(i) for i in (4, 0, 0, 2, 1)])


@pytest.mark.parametrize("cut", [1, 20, RECORD - 1])
def test_torn_end_is_cut_off_and_the_row_made_again(path: Path, cut: int) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    with RowFile(path, SHAPE) as rows:
        assert rows.position(key(4)) is None
        rows.append(key(4), counts(4))
    assert path.read_bytes() == whole


def test_damaged_row_is_ignored_and_dropped(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: RECORD + 40] + b"\xff" + whole[RECORD + 41 :])
    with RowFile(path, SHAPE) as rows:
        assert [rows.position(key(i)) for i in range(5)] == [0, None, 2, 3, 4]
        rows.keep([0, rows.append(key(1), counts(1)), 2, 3, 4])
        np.testing.assert_array_equal(rows.read(1), counts(1))
    assert path.read_bytes() == whole


def test_keep_reorders_drops_and_repeats(path: Path) -> None:
    with RowFile(path, SHAPE) as rows:
        rows.keep([3, 1, 1])
        assert rows.count == 3
        np.testing.assert_array_equal(rows.read(0), counts(3))
        assert rows.append(key(8), counts(8)) == 3
        assert rows.position(key(0)) is None
    assert path.stat().st_size == 4 * RECORD
    assert [file.name for file in path.parent.iterdir()] == ["rows.bin"]


def test_keep_of_all_writes_nothing(path: Path) -> None:
    before = path.stat()
    with RowFile(path, SHAPE) as rows:
        rows.keep(range(5))
    assert path.stat().st_ino == before.st_ino


def test_a_full_disk_leaves_whole_rows(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = row_file.os.write

    def short(file: int, data: bytes) -> int:
        if len(data) <= 10:
            raise OSError(28, "No space left on device")
        return real(file, data[:-10])

    before = path.read_bytes()
    with RowFile(path, SHAPE) as rows:
        monkeypatch.setattr(row_file.os, "write", short)
        with pytest.raises(StoreError, match="free some disk space"):
            rows.append(key(8), counts(8))
        assert path.read_bytes() == before
        monkeypatch.undo()
        assert rows.append(key(8), counts(8)) == 5


def test_a_folder_in_its_place_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="could not be written"):
        RowFile(tmp_path, SHAPE)


@pytest.mark.parametrize("bad", [np.zeros((3, 2), int), np.full(SHAPE, -1), np.full(SHAPE, 2**32)])
def test_refuses_other_counts(path: Path, bad: np.ndarray) -> None:
    with RowFile(path, SHAPE) as rows, pytest.raises(ValueError, match="expected"):
        rows.append(key(8), bad)

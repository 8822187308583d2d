"""The journal survives being cut anywhere, and never hands out a row that is not whole."""

from __future__ import annotations

import errno
import math
import os
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2p_eval.errors import StoreError
from p2p_eval.scores.journal import Journal, read_journal, read_values

ROWS = {f"{i:064x}": np.arange(i, i + 6).reshape(2, 3) for i in range(4)}


def write(path: Path) -> bytes:
    with Journal(path) as journal:
        for key, counts in ROWS.items():
            journal.append(key, counts)
    return path.read_bytes()


def check(path: Path) -> int:
    rows = read_journal(path)
    for key, counts in rows.items():
        np.testing.assert_array_equal(counts, ROWS[key].ravel())
    return len(rows)


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "new" / "journal.jsonl"
    with Journal(path) as journal:
        assert not path.parent.exists()  # nothing is made before the first row
        journal.append("a", ROWS["0" * 64])
        assert read_journal(path).keys() == {"a"}
    path.unlink()
    assert read_journal(path) == {}


def test_cut_at_every_byte(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    whole = write(path)
    ends = [i + 1 for i, byte in enumerate(whole) if byte == ord("\n")]
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        assert check(path) == sum(end <= length for end in ends)
        with Journal(path) as journal:  # going on after the cut loses nothing
            journal.append("f" * 64, np.ones(6, np.int64))
        rows = read_journal(path)
        assert rows.pop("f" * 64).tolist() == [1] * 6
        assert len(rows) == sum(end <= length for end in ends)


@settings(deadline=None, max_examples=200)
@given(position=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_a_damaged_byte_costs_at_most_its_rows(
    tmp_path_factory: pytest.TempPathFactory, position: int, byte: int
) -> None:
    path = tmp_path_factory.mktemp("journal") / "journal.jsonl"
    data = bytearray(write(path))
    data[position % len(data)] = byte
    path.write_bytes(data)
    assert check(path) >= 2  # a newline that is gone joins two rows


@pytest.mark.parametrize(
    "body",
    [
        b'{"key":"a"}',
        b'{"key":"a","counts":[-1]}',
        b'{"key":"a","counts":[1e400]}',
        b'{"key":"a","counts":[' + b"9" * 30 + b"]}",
        b'{"key":"a","counts":[[1]]}',
        b'{"key":"a","counts":[]}',
        b"[" * 100_000,
        b"\xff",
    ],
)
def test_rows_with_a_right_checksum_and_wrong_content_are_ignored(
    tmp_path: Path, body: bytes
) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b"%08x %s\n" % (zlib.crc32(body), body))
    assert read_journal(path) == {}


def test_rows_of_values(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path) as journal:
        journal.append("a", {"psnr": math.inf, "ssim": 0.1 + 0.2})
        journal.append("b", {"psnr": 20.5})
        journal.append("a", {"lpips": 1e-300})
        journal.append("c", {"psnr": math.nan})  # of no use, and never written by a metric
        journal.append("d", np.ones(6, np.int64))
    assert read_values(path) == {
        "a": {"psnr": math.inf, "ssim": 0.1 + 0.2, "lpips": 1e-300}, "b": {"psnr": 20.5},
    }  # fmt: skip
    assert read_journal(path).keys() == {"d"}


@pytest.mark.parametrize(
    "body",
    [
        b'{"key":"a","values":[1.5]}',
        b'{"key":"a","values":{"psnr":"x"}}',
        b'{"key":"a","values":{"psnr":null}}',
        b'{"values":{"psnr":1}}',
        b'["a"]',
    ],
)
def test_values_with_a_right_checksum_and_wrong_content_are_ignored(
    tmp_path: Path, body: bytes
) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b"%08x %s\n" % (zlib.crc32(body), body))
    assert read_values(path) == {}


def test_a_full_disk_leaves_whole_rows_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path) as journal:
        journal.append("a", np.ones(6, np.int64))

        def half(file: object, line: bytes) -> None:
            file.write(line[: len(line) // 2])  # type: ignore[attr-defined]
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with monkeypatch.context() as patched:
            patched.setattr(Journal, "_write", staticmethod(half))
            with pytest.raises(StoreError, match="free some disk space"):
                journal.append("b", np.ones(6, np.int64))
        assert path.read_bytes().endswith(b"\n")
        journal.append("c", np.ones(6, np.int64))
    assert read_journal(path).keys() == {"a", "c"}


def test_a_disk_that_is_full_from_the_start_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(file: object, line: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched, Journal(tmp_path / "journal.jsonl") as journal:
        patched.setattr(Journal, "_write", staticmethod(nothing))
        with pytest.raises(StoreError, match="free some disk space"):
            journal.append("a", np.ones(6, np.int64))
    assert list(tmp_path.iterdir()) == []


def test_unreadable(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be read"):
        read_journal(tmp_path)

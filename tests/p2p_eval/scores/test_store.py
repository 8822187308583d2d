"""Files are whole or not there; a folder belongs to one run at a time."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fcn.files import replacing
from p2p_eval.errors import StoreError
from p2p_eval.scores import store
from p2p_eval.scores.store import (
    exclusive,
    remove,
    remove_leftovers,
    write_atomic,
    write_together,
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_writes_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "score.json"
    write_atomic(path, b"old")
    write_atomic(path, b"new")
    assert path.read_bytes() == b"new"
    assert names(path.parent) == ["score.json"]


def test_a_failure_keeps_the_old_file_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "score.json"
    write_atomic(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(store.os, "fsync", full)
    with pytest.raises(StoreError, match=r"score\.json.*No space left.*free some disk space"):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["score.json"]


def test_piece_by_piece(tmp_path: Path) -> None:
    path = tmp_path / "values.json"
    write_together({path: iter([b"a", b"", b"bc"])})
    assert path.read_bytes() == b"abc"

    def fails() -> Iterator[bytes]:
        yield b"new"
        raise RuntimeError("midway")

    with pytest.raises(RuntimeError, match="midway"):
        write_together({tmp_path / "other.csv": b"new", path: fails()})
    assert path.read_bytes() == b"abc"
    assert names(tmp_path) == ["values.json"]


def test_all_or_none(tmp_path: Path) -> None:
    """The last file meets a folder of its name: the first ones are the old ones still."""
    first, second = tmp_path / "a" / "score.csv", tmp_path / "b" / "score.json"
    write_together({first: b"old", second: b"old"})
    (tmp_path / "c").mkdir()
    with pytest.raises(StoreError, match=r"/c: .*a folder stands"):
        write_together({first: b"new", second: b"new", tmp_path / "c": b""})
    assert (first.read_bytes(), second.read_bytes()) == (b"old", b"old")
    assert (names(first.parent), names(second.parent)) == (["score.csv"], ["score.json"])


WRITE_TOO_MUCH = """
import resource, sys
from pathlib import Path
from p2p_eval.errors import StoreError
from p2p_eval.scores.store import write_atomic

resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_atomic(Path(sys.argv[1]), bytes(2000))
except StoreError as error:
    print(error)
"""


def test_a_real_limit_on_file_size(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITE_TOO_MUCH, tmp_path / "score.json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "File too large" in done.stdout
    assert names(tmp_path) == []


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"")
    with pytest.raises(StoreError, match="choose another --out"):
        write_atomic(tmp_path / "out" / "score.json", b"")
    with pytest.raises(StoreError, match="choose another --out"), exclusive(tmp_path / "out"):
        pass
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreError, match="a folder stands"):
        write_atomic(tmp_path / "folder", b"")
    assert names(tmp_path) == ["folder", "out"]


def test_a_read_only_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It refuses to remove a temporary file, too, that it did not let be made."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(StoreError, match=r"report\.html: .*the disk is read-only"):
        write_atomic(tmp_path / "report.html", b"")


def test_a_device_or_a_pipe_keeps_its_place(tmp_path: Path) -> None:
    """Else ``--to /dev/null`` as root would make that a file for every program."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(StoreError, match="a device or a pipe"):
        write_atomic(pipe, b"")
    with pytest.raises(OSError, match="a device or a pipe"), replacing(pipe):
        pass
    assert pipe.is_fifo()
    assert names(tmp_path) == ["pipe"]


def test_one_run_at_a_time(tmp_path: Path) -> None:
    with (
        exclusive(tmp_path / "out"),
        pytest.raises(StoreError, match="another run"),
        exclusive(tmp_path / "out"),
    ):
        pass
    with exclusive(tmp_path / "out"):  # free again
        pass


def test_leftovers_of_a_killed_run_are_removed_and_nothing_else(tmp_path: Path) -> None:
    for name in (".0123456789abcdef.tmp", ".a.npz.tmp", "a.tmp", "a.npz"):
        (tmp_path / name).touch()
    remove_leftovers(tmp_path)
    assert names(tmp_path) == [".a.npz.tmp", "a.npz", "a.tmp"]
    remove(tmp_path / "a.tmp")
    remove(tmp_path / "a.tmp")
    assert names(tmp_path) == [".a.npz.tmp", "a.npz"]

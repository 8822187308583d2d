"""The cache gives back what was put in or nothing, keeps to its limit, and ends no run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from p2p_eval.errors import InputError
from p2p_eval.scores import feature_cache
from p2p_eval.scores.feature_cache import VARIABLE, FeatureCache

KEY = "0" * 64
ROOM = 1 << 30


def entry(value: float, count: int = 1000) -> list[torch.Tensor]:
    return [torch.full((count,), value), torch.arange(6, dtype=torch.uint8).reshape(1, 2, 3)]


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def age(folder: Path, key: str, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(folder / key, (then, then))


def test_round_trip(tmp_path: Path) -> None:
    tensors = [
        torch.randn(1, 3, 5, 7),
        torch.randn(4, dtype=torch.float64)[::2],
        torch.randint(0, 256, (2, 3), dtype=torch.uint8).T,
        torch.tensor(3.5),
    ]
    FeatureCache(tmp_path / "new", ROOM).put(KEY, tensors)
    again = FeatureCache(tmp_path / "new", ROOM).get(KEY)
    assert again is not None
    for old, new in zip(tensors, again, strict=True):
        assert new.dtype == old.dtype
        assert torch.equal(new, old)
    assert FeatureCache(tmp_path / "new", ROOM).get("1" * 64) is None


def test_no_limit_no_files(tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path / "new", 0)
    cache.put(KEY, entry(1.0))
    assert cache.get(KEY) is None
    assert not (tmp_path / "new").exists()


@settings(deadline=None, max_examples=150)
@given(position=st.integers(0, 100_000), bit=st.integers(0, 7))
def test_a_flipped_bit_is_noticed_and_the_entry_removed(
    tmp_path_factory: pytest.TempPathFactory, position: int, bit: int
) -> None:
    folder = tmp_path_factory.mktemp("cache")
    cache = FeatureCache(folder, ROOM)
    cache.put(KEY, entry(1.5, 50))
    data = bytearray((folder / KEY).read_bytes())
    data[position % len(data)] ^= 1 << bit
    (folder / KEY).write_bytes(data)
    found = cache.get(KEY)
    if found is None:
        assert not (folder / KEY).exists()
    else:  # the bit stands in the padding, or turns a digit of the checksum to upper case
        assert torch.equal(found[0], entry(1.5, 50)[0])
        assert torch.equal(found[1], entry(1.5, 50)[1])


def test_cut_anywhere(tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path, ROOM)
    cache.put(KEY, entry(1.5, 50))
    data = (tmp_path / KEY).read_bytes()
    for length in range(len(data)):
        (tmp_path / KEY).write_bytes(data[:length])
        assert cache.get(KEY) is None
    (tmp_path / KEY).write_bytes(data + b"\0")
    assert cache.get(KEY) is None


@pytest.mark.parametrize(
    "shapes",
    [
        '[["float32", [-1, -2]]]',
        '[["float32", [1e400]]]',
        '[["float32", ["2"]]]',
        '[["float32", [2]], ["float32", [0]]]',
        '[["float32", [99999999999999999999999]]]',
        '[["float16", [4]]]',
        '[["float32", [1]]]',
        '[["float32"]]',
        '{"float32": 2}',
        "7",
        "[" * 3000,
    ],
    ids=lambda shapes: shapes[:40],
)
def test_a_header_with_a_right_checksum_and_wrong_content(tmp_path: Path, shapes: str) -> None:
    body = bytes(8)
    checksum = feature_cache._checksum(KEY, shapes, [np.frombuffer(body, np.uint8)])
    line = f"{feature_cache.FORMAT} {checksum:08x} {shapes}\n".encode()
    (tmp_path / KEY).write_bytes(line + body)
    assert FeatureCache(tmp_path, ROOM).get(KEY) is None
    assert not (tmp_path / KEY).exists()


def test_a_file_larger_than_the_limit_is_not_read(tmp_path: Path) -> None:
    FeatureCache(tmp_path, ROOM).put(KEY, entry(1.0))
    assert FeatureCache(tmp_path, 100).get(KEY) is None


def test_an_entry_under_another_key_is_none(tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path, ROOM)
    cache.put(KEY, entry(1.5))
    (tmp_path / KEY).rename(tmp_path / ("1" * 64))
    assert cache.get("1" * 64) is None


def test_what_was_not_used_for_longest_goes_first(tmp_path: Path) -> None:
    FeatureCache(tmp_path, ROOM).put("a" * 64, entry(1.0))
    size = size_of(tmp_path)
    for name in "bcd":
        FeatureCache(tmp_path, ROOM).put(name * 64, entry(1.0))
    for number, name in enumerate("abcd"):
        age(tmp_path, name * 64, 1000 - number)
    cache = FeatureCache(tmp_path, 4 * size + size // 4)
    assert cache.get("a" * 64) is not None  # used just now, so not the oldest any more
    cache.put("e" * 64, entry(2.0))
    assert {path.name[0] for path in tmp_path.iterdir()} == {"a", "d", "e"}
    assert size_of(tmp_path) <= cache.limit


def test_a_set_larger_than_the_limit_keeps_what_it_has(tmp_path: Path) -> None:
    """Evicting for each other, images that are seen in turn would never be found again."""
    FeatureCache(tmp_path, ROOM).put("a" * 64, entry(1.0))
    size = size_of(tmp_path)
    keys = [f"{number:064x}" for number in range(10)]
    for _ in range(2):
        cache = FeatureCache(tmp_path, 5 * size)
        hits = 0
        for key in keys:
            if cache.get(key) is None:
                cache.put(key, entry(1.0))
            else:
                hits += 1
        assert size_of(tmp_path) <= 5 * size
        for path in tmp_path.iterdir():
            age(tmp_path, path.name, 50)
    assert hits >= 3


def test_an_entry_larger_than_the_limit_is_not_kept(tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path, 1000)
    cache.put(KEY, entry(1.0))
    assert list(tmp_path.iterdir()) == []


def test_deleted_while_in_use(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    cache = FeatureCache(folder, ROOM)
    cache.put(KEY, entry(1.0))
    kept = cache.get(KEY)
    shutil.rmtree(folder)
    assert kept is not None
    assert torch.equal(kept[0], entry(1.0)[0])  # what was read stays
    assert cache.get(KEY) is None
    cache.put(KEY, entry(2.0))
    assert cache.get(KEY) is not None


def test_a_disk_that_cannot_be_written_ends_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    cache = FeatureCache(tmp_path / "file" / "below", ROOM)
    cache.put(KEY, entry(1.0))
    assert cache.get(KEY) is None


def test_a_failed_write_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    FeatureCache(tmp_path, ROOM).put(KEY, entry(1.0))
    assert list(tmp_path.iterdir()) == []


def test_leftovers_of_killed_runs_are_removed(tmp_path: Path) -> None:
    old, young = tmp_path / f".{'a' * 16}.tmp", tmp_path / f".{'b' * 16}.tmp"
    for path in (old, young):
        path.write_bytes(b"x")
    age(tmp_path, old.name, 10_000)
    FeatureCache(tmp_path, ROOM).put(KEY, entry(1.0))
    assert {path.name for path in tmp_path.iterdir()} == {young.name, KEY}


WRITE = """
import sys
from pathlib import Path
import torch
from p2p_eval.scores.feature_cache import FeatureCache

cache = FeatureCache(Path(sys.argv[1]), 200_000)
for turn in range(300):
    key = f"{turn % 40:064x}"
    found = cache.get(key)
    if found is not None and not torch.equal(found[0], torch.full((5000,), float(turn % 40))):
        sys.exit("wrong content")
    cache.put(key, [torch.full((5000,), float(turn % 40))])
"""


def test_several_processes_and_a_deleter(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    runs = [
        subprocess.Popen([sys.executable, "-c", WRITE, str(folder)], stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    stop = threading.Event()

    def delete() -> None:
        while not stop.wait(0.02):
            shutil.rmtree(folder, ignore_errors=True)

    deleter = threading.Thread(target=delete)
    deleter.start()
    try:
        for run in runs:
            _, message = run.communicate(timeout=60)
            assert run.returncode == 0, message
    finally:
        stop.set()
        deleter.join()


def test_limit_by_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("P2P_EVAL_CACHE", str(tmp_path))
    monkeypatch.delenv(VARIABLE)
    assert FeatureCache.of_user().limit == 4 << 30
    assert FeatureCache.of_user().folder == tmp_path / "features"
    monkeypatch.setenv(VARIABLE, "0.5")
    assert FeatureCache.of_user().limit == 1 << 29
    for wrong in ("-1", "many", "inf", "nan"):
        monkeypatch.setenv(VARIABLE, wrong)
        with pytest.raises(InputError, match=VARIABLE):
            FeatureCache.of_user()

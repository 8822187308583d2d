"""Published data sets, fetched from a loopback server."""

from __future__ import annotations

import dataclasses
import errno
import gzip
import hashlib
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

sys.path.insert(0, str(Path(__file__).parents[2] / "helpers"))

from file_server import FileServer, serve
from side_by_side import entry, images, jpeg, tar

from fcn.errors import DownloadError, WeightsError
from p2p_eval.datasets import catalogue, fetch
from p2p_eval.datasets.catalogue import CATALOGUE, Entry, entry_named
from p2p_eval.datasets.fetch import find, folder_of, get, locate, place
from p2p_eval.datasets.verify import RECORD_NAME, fingerprint, read_record
from p2p_eval.errors import InputError

ARCHIVE = gzip.compress(tar(images()), 1)
SHA256 = hashlib.sha256(ARCHIVE).hexdigest()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of data sets, and no proxy or waiting between the tests and their own server."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr("fcn.download.BACKOFF_SECONDS", 0.0)
    monkeypatch.setenv("P2P_EVAL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "data"


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serve(ARCHIVE) as running:
        yield running


@pytest.fixture
def tiny(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> Entry:
    """A catalogue whose only download is the loopback server's."""
    made = entry(server.url)
    monkeypatch.setattr(catalogue, "CATALOGUE", (CATALOGUE[0], made))
    return made


def there(folder: Path) -> dict[str, bytes]:
    """All files of a data set, hidden ones left out."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name[0] != ".")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def expected() -> dict[str, bytes]:
    return {name.removeprefix("tiny/"): data for name, data in images().items()}


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.name.endswith(".lock")}


def test_entries_are_consistent() -> None:
    names = [entry.name for entry in CATALOGUE]
    assert len(set(names)) == len(names)
    assert {"scenes", "controls", "facades", "maps", "night2day", "cityscapes"} <= set(names)
    for found in CATALOGUE:
        assert entry_named(found.name) is found
        assert found.licence
        assert found.command
        assert found.note
        if found.address:
            assert found.size is not None
            assert found.splits[0][0] == "train"
            assert found.sides is not None
            assert found.direction is not None
            assert not found.offline
            assert found.command == f"p2p-eval data get {found.name}"
            assert "not verified" in found.note
            assert all(a.endswith(f"/{found.name}.tar.gz") for a in found.address)
            assert found.most_archive_bytes > found.size
            assert found.most_images > sum(count or 0 for _, count in found.splits)
    with pytest.raises(InputError, match="got data 'facade', expected one of scenes, controls"):
        entry_named("facade")


def test_get_find_and_locate(tiny: Entry, server: FileServer, cache: Path) -> None:
    assert find(tiny) is None
    with pytest.raises(InputError, match="run `p2p-eval data get tiny`"):
        locate("tiny")
    steps: list[tuple[int, int]] = []
    folder = get("tiny", progress=lambda done, total: steps.append((done, total)))
    assert folder == cache / "tiny" == place(tiny) == find(tiny) == locate("tiny")
    assert there(folder) == expected()
    assert left(cache) == {"tiny", "tiny.tar.gz.sha256"}
    assert SHA256 in (cache / "tiny.tar.gz.sha256").read_text()
    assert (len(ARCHIVE), len(ARCHIVE)) in steps
    record = read_record(folder)
    assert (record.name, record.address, record.archive_sha256) == ("tiny", (server.url,), SHA256)
    assert record.date.endswith("+00:00")
    document = json.loads((folder / RECORD_NAME).read_text())
    listing = subprocess.run(
        "LC_ALL=C sha256sum */*", shell=True, cwd=folder, capture_output=True, check=True
    ).stdout
    assert document["fingerprint"] == fingerprint(record.files)
    assert document["fingerprint"] == hashlib.sha256(listing).hexdigest()


def test_a_second_get_does_nothing(tiny: Entry, server: FileServer, cache: Path) -> None:
    folder = get("tiny")
    before = {path: path.stat().st_mtime_ns for path in cache.rglob("*")}
    server.faults = ["status:404"]
    assert get("tiny") == folder
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("*")} == before
    assert len(server.requests) == 1


def test_a_second_get_notices_changes(tiny: Entry) -> None:
    folder = get("tiny")
    (folder / "val" / "1.jpg").write_bytes(jpeg(99))
    (folder / "train" / "3.jpg").unlink()
    with pytest.raises(InputError) as caught:
        get("tiny")
    for part in ("3 things differ", "train/3.jpg: missing", "val/1.jpg: changed", "Remove the"):
        assert part in str(caught.value)


def test_out_and_keep_archive(tiny: Entry, tmp_path: Path, cache: Path, server: FileServer) -> None:
    out = tmp_path / "here" / "data"
    assert get("tiny", out, keep_archive=True) == out
    assert there(out) == expected()
    assert left(out.parent) == {"data"}
    assert (cache / "tiny.tar.gz").read_bytes() == ARCHIVE
    assert find(tiny) is None
    assert folder_of(out) == out
    (tmp_path / "empty").mkdir()
    assert get("tiny", tmp_path / "empty") == tmp_path / "empty"
    assert there(tmp_path / "empty") == expected()
    assert len(server.requests) == 1


def test_an_interrupted_download_goes_on(tiny: Entry, server: FileServer, cache: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        if done >= 2000:
            raise KeyboardInterrupt

    server.faults = ["cut:2000"]
    with pytest.raises(KeyboardInterrupt):
        get("tiny", progress=interrupt)
    assert left(cache) == {"tiny.tar.gz.part", "tiny.tar.gz.part.json"}
    assert there(get("tiny")) == expected()
    assert server.served_ranges() == ["", "bytes=2000-"]


SCRIPT = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from side_by_side import entry
from p2p_eval.datasets import catalogue, fetch, unpack
catalogue.CATALOGUE = (entry(sys.argv[2]),)
place, left = sys.argv[3], [int(sys.argv[4])]
module = {"_write": unpack, "check_images": fetch, "write_record": fetch, "write_sha256": fetch}
kept = getattr(module[place], place)
def killed(*arguments):
    result = kept(*arguments)
    left[0] -= 1
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return result
setattr(module[place], place, killed)
fetch.get("tiny")
"""


@pytest.mark.parametrize(
    ("where", "count"),
    [("_write", 1), ("_write", 5), ("check_images", 1), ("write_record", 1), ("write_sha256", 1)],
)
def test_killed_while_unpacking(
    where: str, count: int, tiny: Entry, server: FileServer, cache: Path
) -> None:
    helpers = Path(__file__).parents[2] / "helpers"
    process = subprocess.run(
        [sys.executable, "-c", SCRIPT, helpers, server.url, where, str(count)], check=False
    )
    assert process.returncode == -signal.SIGKILL
    assert find(tiny) is None
    assert not (cache / "tiny").exists()
    assert (cache / ".tiny.tiny.unpacking").is_dir()
    assert there(get("tiny")) == expected()
    assert left(cache) == {"tiny", "tiny.tar.gz.sha256"}
    assert len(server.requests) == 1


@pytest.mark.parametrize("step", ["unpack", "check_images", "write_record", "write_sha256"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt()])
def test_a_full_disk_and_an_interrupt(
    step: str,
    error: BaseException,
    tiny: Entry,
    server: FileServer,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(fetch, step, fail)
        kind = KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else InputError
        with pytest.raises(kind) as caught:
            get("tiny")
    assert isinstance(error, KeyboardInterrupt) or "No space left" in str(caught.value)
    assert left(cache) <= {"tiny.tar.gz", "tiny.tar.gz.sha256"}
    assert there(get("tiny")) == expected()
    assert len(server.requests) == 1


def test_offline(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/tiny.tar.gz"
    monkeypatch.setattr(catalogue, "CATALOGUE", (entry(url),))
    with pytest.raises(DownloadError) as caught:
        get("tiny")
    for part in (
        url, "by hand", f"save it as {cache / 'tiny.tar.gz'}", "run `p2p-eval data get tiny` again",
        "Ask the tests.",
    ):  # fmt: skip
        assert part in str(caught.value)
    (cache / "tiny.tar.gz").write_bytes(ARCHIVE)  # as it says
    assert there(get("tiny")) == expected()


def test_a_page_in_place_of_the_archive(tiny: Entry, server: FileServer, cache: Path) -> None:
    server.content = b"<html>moved</html>"
    with pytest.raises(DownloadError, match=r"cannot be used: no \.tar\.gz archive"):
        get("tiny")
    assert left(cache) == set()


def test_an_archive_that_is_too_large(tiny: Entry, server: FileServer, cache: Path) -> None:
    server.content = bytes(tiny.most_archive_bytes + 1)
    with pytest.raises(DownloadError, match="over the limit 125000"):
        get("tiny")
    assert left(cache) == set()


def without(name: str) -> dict[str, bytes]:
    return {key: data for key, data in images().items() if key != name}


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        (without("tiny/train/1.jpg"), "train: got 3 images, expected 4"),
        (images() | {"tiny/val/9.jpg": jpeg(9)}, "val: got 3 images, expected 2"),
        (images() | {"tiny/val/1.jpg": jpeg(9, (31, 16))}, "val/1.jpg: got a width of 31"),
        (images() | {"tiny/val/1.jpg": b"x"}, "expected a PNG"),
        (images() | {"tiny/val/1.jpg": b""}, "it is empty"),
        (images() | {"tiny/val/1.jpg": jpeg(9)[:20]}, "header is cut off"),
        (images() | {"tiny/x.py": b"x"}, "nothing was unpacked"),
        (images() | {"../evil.jpg": jpeg(9)}, "nothing was unpacked"),
    ],
)
def test_archives_that_are_not_the_data_set(
    files: dict[str, bytes], reason: str, tiny: Entry, server: FileServer, cache: Path
) -> None:
    server.content = gzip.compress(tar(files))
    for _ in range(2):
        with pytest.raises(InputError) as caught:
            get("tiny")
        assert reason in str(caught.value)
        assert str(cache / "tiny.tar.gz") in str(caught.value)
        assert "elete" in str(caught.value)
        assert left(cache) == {"tiny.tar.gz"}
    assert len(server.requests) == 1
    (cache / "tiny.tar.gz").unlink()
    server.content, server.etag = ARCHIVE, '"v2"'
    assert there(get("tiny")) == expected()


def test_a_split_of_unknown_number(tiny: Entry, server: FileServer) -> None:
    files = without("tiny/test/1.jpg")
    server.content = gzip.compress(tar(files))
    assert len(there(get("tiny"))) == 6


def test_an_archive_that_changed_since(tiny: Entry, server: FileServer, cache: Path) -> None:
    folder = get("tiny")
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()
    server.content = gzip.compress(tar(images() | {"tiny/val/1.jpg": jpeg(9)}))
    for _ in range(2):
        with pytest.raises(InputError) as caught:
            get("tiny")
        assert f"expected {SHA256} as in tiny.tar.gz.sha256" in str(caught.value)
        assert find(tiny) is None
    (cache / "tiny.tar.gz.sha256").write_text("damaged")
    with pytest.raises(WeightsError, match="delete it if you trust"):
        get("tiny")
    (cache / "tiny.tar.gz.sha256").unlink()
    assert (get("tiny") / "val" / "1.jpg").read_bytes() == jpeg(9)
    assert len(server.requests) == 2


def test_a_published_sha256(tiny: Entry, monkeypatch: pytest.MonkeyPatch) -> None:
    known = dataclasses.replace(tiny, sha256="0" * 64)
    monkeypatch.setattr(catalogue, "CATALOGUE", (known,))
    with pytest.raises(DownloadError, match=f"got a file with sha256 {SHA256}, expected 0"):
        get("tiny")
    monkeypatch.setattr(catalogue, "CATALOGUE", (dataclasses.replace(tiny, sha256=SHA256),))
    assert there(get("tiny")) == expected()


def test_folders_that_are_something_else(
    tiny: Entry, tmp_path: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("do not lose me")
    (tmp_path / "file").touch()
    for out in (mine, tmp_path / "file"):
        with pytest.raises(InputError, match="did not write"):
            get("tiny", out)
    assert left(mine) == {"thesis.txt"}
    with pytest.raises(InputError, match="could not be written"):
        get("tiny", tmp_path / "file" / "below")
    with pytest.raises(InputError, match="could not be written"):
        get("tiny", Path("/proc/self/none/data"))  # as root, any other folder can be written
    with pytest.raises(InputError, match="no folder can be made"):
        get("tiny", Path("nul\0"))
    monkeypatch.chdir(mine)
    for out in (Path(), Path("/")):
        with pytest.raises(InputError, match=r"current folder|did not write"):
            get("tiny", out)
    other = get("tiny", tmp_path / "other")
    text = (other / RECORD_NAME).read_text().replace('"tiny"', '"scenes"')
    (other / RECORD_NAME).write_text(text)
    with pytest.raises(InputError, match="got the data set scenes, expected tiny"):
        get("tiny", other)
    assert len(server.requests) == 1


def test_a_cache_that_cannot_be_written(
    tiny: Entry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("P2P_EVAL_CACHE", str(tmp_path / "file"))
    with pytest.raises(InputError, match="could not be written"):
        get("tiny")
    assert find(tiny) is None


def test_what_is_not_had_by_download() -> None:
    for name, part in [
        ("scenes", "p2p-eval data make scenes"),
        ("cityscapes-original", "https://www.cityscapes-dataset.com"),
        ("inpainting", "Context Encoders"),
        ("colorization", "any folder"),
    ]:
        for use in (get, locate, folder_of):
            with pytest.raises(InputError) as caught:
                use(name)
            assert part in str(caught.value)
    for name in ("facade", "", "nul\0", "../x"):
        for use in (get, locate, folder_of):
            with pytest.raises(InputError, match="expected one of scenes"):
                use(name)


def test_two_at_once(tiny: Entry, server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, got = fetch.unpack, []

    def slow(*arguments: object) -> dict[str, str]:
        time.sleep(0.2)
        return kept(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(fetch, "unpack", slow)
    threads = [threading.Thread(target=lambda: got.append(get("tiny"))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 3
    assert there(got[0]) == expected()
    assert len(server.requests) == 1


def test_another_run_takes_too_long(
    tiny: Entry, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "LOCK_SECONDS", 0.1)
    cache.mkdir(parents=True)
    with FileLock(cache / "tiny.lock"), pytest.raises(InputError, match="another run"):
        get("tiny")

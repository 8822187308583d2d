"""The catalogue: entries, finding files, getting them."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

import caffemodel_writer as writer
import pytest
from file_server import FileServer, serve

from fcn import catalogue
from fcn.catalogue import CATALOGUE, Entry, cache_folder, find, get, locate
from fcn.errors import DownloadError, WeightsError
from fcn.files import record_path
from fcn.labels import LABEL_SETS
from fcn.weights import Weights, load_weights, verify

pytestmark = pytest.mark.usefixtures("direct")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("P2P_EVAL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "weights"


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serve(writer.net(dict(writer.random_layers()))) as running:
        yield running


@pytest.fixture
def entry(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> Entry:
    """A catalogue whose only download is the loopback server's, and whose shipped file is gone."""
    made = dataclasses.replace(CATALOGUE["cityscapes"], urls=(server.url,))
    gone = dataclasses.replace(CATALOGUE["scenes"], name="gone", file="gone.safetensors")
    monkeypatch.setattr(catalogue, "CATALOGUE", {"cityscapes": made, "gone": gone})
    return made


def test_entries_are_consistent() -> None:
    assert list(CATALOGUE) == ["cityscapes", "scenes"]
    for name, entry in CATALOGUE.items():
        assert entry.name == name
        assert entry.label_set in LABEL_SETS
        assert Path(entry.file).name == entry.file
        assert entry.shipped or all(url.startswith("http") for url in entry.urls)
        assert entry.sha256 is None or len(entry.sha256) == 64
        assert entry.licence
        assert entry.note


def test_cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert cache_folder() == tmp_path / "cache" / "weights"
    monkeypatch.delenv("P2P_EVAL_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "p2p-eval" / "weights"
    assert not cache_folder().exists()


def test_get_find_and_locate(entry: Entry, server: FileServer, cache: Path) -> None:
    assert find(entry) is None
    with pytest.raises(DownloadError, match="weights get cityscapes") as caught:
        locate("cityscapes")
    assert str(cache / entry.file) in str(caught.value)
    assert "issues/211" in str(caught.value)

    seen: list[int] = []
    path = get("cityscapes", lambda done, total: seen.append(done))
    assert path == cache / "fcn-8s-cityscapes.caffemodel" == find(entry) == locate("cityscapes")
    assert path.read_bytes() == server.content
    assert seen[-1] == len(server.content)
    assert load_weights(path).sha256 in record_path(path).read_text()
    assert get("cityscapes") == path
    assert len(server.requests) == 1


def test_a_change_after_the_first_use_is_noticed(entry: Entry) -> None:
    path = get("cityscapes")
    path.write_bytes(writer.net(dict(writer.random_layers(seed=9))))
    for check in (verify, lambda _: get("cityscapes")):
        with pytest.raises(WeightsError, match=r"expected [0-9a-f]{64} as in .*\.sha256"):
            check(path)


def test_what_is_fetched_is_read_once(
    entry: Entry, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    read: list[Path] = []

    def counted(path: str | os.PathLike[str]) -> Weights:
        read.append(Path(path))
        return load_weights(path)

    monkeypatch.setattr("fcn.weights.load_weights", counted)
    path = get("cityscapes")
    assert len(read) == 1
    get("cityscapes")  # now it was there
    assert read[1:] == [path]
    path.unlink()
    record_path(path).write_text("0" * 64)  # a record of another file
    with pytest.raises(WeightsError, match=r"expected 0{64} as in .*\.sha256"):
        get("cityscapes")


def test_a_file_put_there_by_hand(entry: Entry, server: FileServer, cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / entry.file).write_bytes(server.content)
    path = locate("cityscapes")
    assert not record_path(path).exists()
    assert get("cityscapes") == path
    assert record_path(path).exists()
    assert not server.requests


@pytest.mark.parametrize("content", [b"<html>moved</html>", b"\x89PNG\r\n\x1a\n" + bytes(99)])
def test_a_page_in_place_of_the_file(
    content: bytes, entry: Entry, server: FileServer, cache: Path
) -> None:
    server.content = content
    with pytest.raises(DownloadError, match="cannot be used") as caught:
        get("cityscapes")
    assert f"save it as {cache / entry.file}" in str(caught.value)
    assert find(entry) is None
    assert not record_path(cache / entry.file).exists()


def test_offline(entry: Entry, server: FileServer, cache: Path) -> None:
    server.faults = ["status:404"]
    with pytest.raises(DownloadError) as caught:
        get("cityscapes")
    for part in [server.url, "404", str(cache / entry.file), "pix2pix/issues/211", "issues/1296"]:
        assert part in str(caught.value)


def test_a_shipped_file_that_is_missing(entry: Entry) -> None:
    gone = catalogue.CATALOGUE["gone"]
    assert find(gone) is None
    for use in (locate, get):
        with pytest.raises(WeightsError, match="install p2p-eval again"):
            use("gone")


def test_paths_and_unknown_names(tmp_path: Path) -> None:
    path = tmp_path / "mine.caffemodel"
    path.touch()
    assert locate(path) == path
    assert locate(str(path)) == path
    for name in ["cityscape", "missing.caffemodel", "nul\0", "x" * 5000]:
        with pytest.raises(WeightsError, match="cityscapes, scenes"):
            locate(name)
    with pytest.raises(WeightsError, match="expected one of cityscapes, scenes"):
        get("missing")

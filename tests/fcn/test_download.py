"""Downloads from a loopback server that does what servers do."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from file_server import FileServer, serve
from filelock import FileLock

from fcn import download as module
from fcn.download import download
from fcn.errors import DownloadError, WeightsError

pytestmark = pytest.mark.usefixtures("direct")

CONTENT = np.random.default_rng(0).bytes(300_000)
OTHER = np.random.default_rng(1).bytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serve(CONTENT) as running:
        yield running


@pytest.fixture
def there(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "weights.bin"


def left_behind(there: Path) -> set[str]:
    return {path.name for path in there.parent.iterdir() if not path.name.endswith(".lock")}


def test_a_plain_download(server: FileServer, there: Path) -> None:
    seen: list[tuple[int, int]] = []
    path = download(
        [server.url],
        there,
        sha256=SHA256,
        size=len(CONTENT),
        progress=lambda done, total: seen.append((done, total)),
    )
    assert path == there
    assert there.read_bytes() == CONTENT
    assert left_behind(there) == {"weights.bin"}
    assert seen[0] == (0, len(CONTENT))
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert seen == sorted(seen)


def test_what_is_there_is_not_fetched_again(server: FileServer, there: Path) -> None:
    download([server.url], there, sha256=SHA256)
    download([server.url], there, sha256=SHA256.upper(), size=len(CONTENT))
    download([server.url], there)
    assert len(server.requests) == 1
    there.write_bytes(OTHER)
    download([server.url], there, sha256=SHA256)
    assert there.read_bytes() == CONTENT


def test_cut_connections_are_resumed(server: FileServer, there: Path) -> None:
    server.faults = ["cut:100000", "cut:50000", "cut:0"]
    assert download([server.url], there, sha256=SHA256).read_bytes() == CONTENT
    assert server.served_ranges() == ["", "bytes=100000-", "bytes=150000-", "bytes=150000-"]
    assert server.requests[1]["If-Range"] == '"v1"'


def test_resumed_by_date_where_there_is_no_tag(server: FileServer, there: Path) -> None:
    server.etag, server.last_modified = 'W/"weak"', "Mon, 01 Jan 2024 00:00:00 GMT"
    server.faults = ["cut:100000"]
    assert download([server.url], there).read_bytes() == CONTENT
    assert server.requests[1]["If-Range"] == server.last_modified


@pytest.mark.parametrize("change", ["no validator", "no ranges"])
def test_started_over_where_it_cannot_be_resumed(
    change: str, server: FileServer, there: Path
) -> None:
    if change == "no validator":
        server.etag = None
    else:
        server.ranges = False
    server.faults = ["cut:100000"]
    assert download([server.url], there).read_bytes() == CONTENT
    assert server.served_ranges()[1] == ("" if change == "no validator" else "bytes=100000-")


def test_an_interrupted_download_goes_on_in_the_next_call(server: FileServer, there: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        if done >= 100_000:
            raise KeyboardInterrupt

    server.faults = ["cut:100000"]
    with pytest.raises(KeyboardInterrupt):
        download([server.url], there, progress=interrupt)
    assert left_behind(there) == {"weights.bin.part", "weights.bin.part.json"}
    assert download([server.url], there).read_bytes() == CONTENT
    assert server.served_ranges()[-1].startswith("bytes=")
    assert left_behind(there) == {"weights.bin"}


def test_a_file_that_changed_meanwhile_is_fetched_whole(server: FileServer, there: Path) -> None:
    server.faults = ["cut:100000", "status:404"]
    with pytest.raises(DownloadError):
        download([server.url], there)
    server.content, server.etag = OTHER, '"v2"'
    assert download([server.url], there).read_bytes() == OTHER
    assert server.served_ranges()[-1] == "bytes=100000-"


def test_a_part_of_another_address_is_not_continued(server: FileServer, there: Path) -> None:
    server.faults = ["cut:100000", "status:404"]
    with pytest.raises(DownloadError):
        download([server.url], there)
    download([server.url + "?mirror"], there)
    assert there.read_bytes() == CONTENT
    assert server.served_ranges()[-1] == ""


@pytest.mark.parametrize("state", [b"", b"[]", b"\xff", b'{"url": 3}', b"{" * 20_000])
def test_a_damaged_note_beside_the_part(state: bytes, server: FileServer, there: Path) -> None:
    there.parent.mkdir()
    there.with_name("weights.bin.part").write_bytes(OTHER[:1000])
    there.with_name("weights.bin.part.json").write_bytes(state)
    assert download([server.url], there).read_bytes() == CONTENT


def test_a_part_longer_than_the_file(server: FileServer, there: Path) -> None:
    there.parent.mkdir()
    there.with_name("weights.bin.part").write_bytes(OTHER * 2)
    note = {"url": server.url, "validator": '"v1"'}
    there.with_name("weights.bin.part.json").write_text(json.dumps(note))
    assert download([server.url], there).read_bytes() == CONTENT


def test_a_server_that_sends_another_range(server: FileServer, there: Path) -> None:
    server.wrong_offset, server.faults = True, ["cut:100000"]
    assert download([server.url], there, sha256=SHA256).read_bytes() == CONTENT


@pytest.mark.parametrize("status", [404, 403, 410, 418])
def test_permanent_refusals_are_not_repeated(status: int, server: FileServer, there: Path) -> None:
    server.faults = [f"status:{status}"] * 9
    with pytest.raises(DownloadError, match=f"answered {status}") as caught:
        download([server.url], there)
    assert len(server.requests) == 1
    assert server.url in str(caught.value)
    assert f"save it as {there}" in str(caught.value)
    assert left_behind(there) == set()


def test_a_server_error_that_passes(server: FileServer, there: Path) -> None:
    server.faults = ["status:500", "status:503", "status:429"]
    assert download([server.url], there).read_bytes() == CONTENT


def test_a_server_error_that_stays(server: FileServer, there: Path) -> None:
    server.faults = ["status:503"] * 99
    with pytest.raises(DownloadError, match="answered 503"):
        download([server.url], there)
    assert len(server.requests) == module.ATTEMPTS


def test_attempts_are_bounded_even_with_progress(
    server: FileServer, there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_ROUNDS", 5)
    server.faults = ["cut:1000"] * 99
    with pytest.raises(DownloadError, match="broke 5 times"):
        download([server.url], there)
    assert len(server.requests) == 5


def test_the_next_address_is_tried(server: FileServer, there: Path) -> None:
    server.faults = ["status:404"]
    assert download([server.url, server.url], there).read_bytes() == CONTENT


def test_redirects(server: FileServer, there: Path) -> None:
    server.redirect = "/elsewhere"
    assert download([server.url], there).read_bytes() == CONTENT
    server.redirect = "/file"
    with pytest.raises(DownloadError, match="redirects"):
        download([server.url], there.with_name("second"))


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://x", "//"])
def test_redirects_to_anything_but_http(target: str, server: FileServer, there: Path) -> None:
    server.redirect = target
    with pytest.raises(DownloadError):
        download([server.url], there)
    assert not there.exists()


@pytest.mark.parametrize("url", ["file:///etc/passwd", "no address", "http://[", "http://\0"])
def test_what_is_no_address(url: str, there: Path) -> None:
    with pytest.raises(DownloadError, match="could not fetch"):
        download([url], there)


def test_offline(server: FileServer, there: Path) -> None:
    with serve(b"") as gone:
        dead = gone.url  # a port where nothing listens any more
    with pytest.raises(DownloadError, match=r"could not fetch weights\.bin") as caught:
        download([dead], there)
    assert dead in str(caught.value)
    assert str(there) in str(caught.value)
    assert "by hand" in str(caught.value)


@pytest.mark.parametrize("proxy", ["nonsense://x", "socks5://127.0.0.1:1", "http://["])
def test_unusable_proxy_settings(
    proxy: str, server: FileServer, there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    monkeypatch.setenv("NO_PROXY", "")
    with pytest.raises(DownloadError, match="by hand"):
        download([server.url], there)


def test_another_size_than_expected(server: FileServer, there: Path) -> None:
    with pytest.raises(DownloadError, match="a file of 300000 bytes, expected 299999"):
        download([server.url], there, size=299_999)
    server.length = False
    with pytest.raises(DownloadError, match="got more than 299999 bytes"):
        download([server.url], there, size=299_999)
    with pytest.raises(DownloadError, match="got 300000 bytes, expected 300001"):
        download([server.url], there, size=300_001)
    assert left_behind(there) == set()
    server.length = True
    assert download([server.url], there, size=300_000).read_bytes() == CONTENT


def test_a_complete_part_is_put_in_place(server: FileServer, there: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        if done == total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download([server.url], there, progress=interrupt)
    assert download([server.url], there).read_bytes() == CONTENT
    assert server.served_ranges() == ["", "bytes=300000-"]


def test_too_large(server: FileServer, there: Path) -> None:
    with pytest.raises(DownloadError, match="300000 bytes, over the limit 1000"):
        download([server.url], there, max_bytes=1000)
    server.length = False
    with pytest.raises(DownloadError, match="got more than 1000 bytes"):
        download([server.url], there, max_bytes=1000)
    assert left_behind(there) == set()


def test_another_sha256_than_expected(server: FileServer, there: Path) -> None:
    with pytest.raises(DownloadError, match=f"got a file with sha256 {SHA256}, expected 000"):
        download([server.url], there, sha256="0" * 64)
    assert left_behind(there) == set()


def test_a_part_of_another_file_is_noticed_by_sha256(server: FileServer, there: Path) -> None:
    there.parent.mkdir()
    there.with_name("weights.bin.part").write_bytes(OTHER[:1000])
    note = {"url": server.url, "validator": '"v1"'}
    there.with_name("weights.bin.part.json").write_text(json.dumps(note))
    with pytest.raises(DownloadError, match="got a file with sha256"):
        download([server.url], there, sha256=SHA256)
    assert download([server.url], there, sha256=SHA256).read_bytes() == CONTENT


def test_encoded_answers_are_refused(server: FileServer, there: Path) -> None:
    server.encoding = "gzip"
    with pytest.raises(DownloadError, match="encoded as gzip"):
        download([server.url], there)


def test_a_check_throws_the_file_away(server: FileServer, there: Path) -> None:
    def check(path: Path) -> None:
        raise WeightsError(f"{path.name}: a web page")

    with pytest.raises(DownloadError, match=r"cannot be used: weights\.bin\.part: a web page"):
        download([server.url], there, check=check)
    assert left_behind(there) == set()


def test_two_downloads_at_once(server: FileServer, there: Path) -> None:
    server.faults = ["cut:100000"]
    found: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: found.append(download([server.url], there).read_bytes()))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [CONTENT] * 4
    assert len(server.requests) == 2  # one was cut; the others found the file there


def test_a_download_that_another_process_holds(
    there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOCK_SECONDS", 0.05)
    there.parent.mkdir()
    with FileLock(f"{there}.lock"), pytest.raises(DownloadError, match="another download"):
        download(["http://127.0.0.1:9/"], there)


def test_a_place_that_cannot_be_written(server: FileServer, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DownloadError, match="could not be written"):
        download([server.url], tmp_path / "file" / "weights.bin")

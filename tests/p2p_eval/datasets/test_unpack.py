"""Archives that are whole, damaged and hostile."""

from __future__ import annotations

import contextlib
import errno
import gzip
import hashlib
import io
import random
import sys
import tarfile
import tracemalloc
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "helpers"))

from side_by_side import entry, images, jpeg, member, tar

from fcn.errors import DownloadError
from p2p_eval.datasets import unpack as module
from p2p_eval.datasets.unpack import check_start, unpack
from p2p_eval.errors import InputError

ENTRY = entry("http://127.0.0.1:9/")


def unpacked(tmp_path: Path, data: bytes, *, compressed: bool = False) -> dict[str, str]:
    archive = tmp_path / "tiny.tar.gz"
    archive.write_bytes(data if compressed else gzip.compress(data, 6))
    return unpack(archive, tmp_path / "new" / "tiny", ENTRY)


def written(tmp_path: Path) -> list[str]:
    """All files that lie anywhere, but for the archive."""
    files = (path for path in tmp_path.rglob("*") if path.is_file() or path.is_symlink())
    return [path.relative_to(tmp_path).as_posix() for path in files if path.suffix != ".gz"]


def refused(tmp_path: Path, data: bytes, *, compressed: bool = False) -> str:
    with pytest.raises(InputError) as caught:
        unpacked(tmp_path, data, compressed=compressed)
    assert str(tmp_path / "tiny.tar.gz") in str(caught.value)
    assert "delete" in str(caught.value)
    return str(caught.value)


def test_a_whole_archive(tmp_path: Path) -> None:
    files = images()
    digests = unpacked(tmp_path, tar(files))
    assert digests == {
        name.removeprefix("tiny/"): hashlib.sha256(data).hexdigest() for name, data in files.items()
    }
    for name, data in files.items():
        assert (tmp_path / "new" / name).read_bytes() == data
    assert len(written(tmp_path)) == len(files)


@pytest.mark.parametrize("kind", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
def test_archives_of_other_programs(kind: int, tmp_path: Path) -> None:
    """With a leading ``./``, long names, folders of their own, owners and modes, two gzip parts."""
    long = f"train/{'x' * 90}.jpg"
    for name, data in (images() | {f"tiny/{long}": jpeg(9)}).items():
        path = tmp_path / "source" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(0o4777)
    (tmp_path / "source" / "tiny" / ".DS_Store").write_bytes(b"left behind")
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=kind) as out:
        out.add(tmp_path / "source" / "tiny", "./tiny")
    data = file.getvalue()
    parts = gzip.compress(data[:5000]) + gzip.compress(data[5000:])
    digests = unpacked(tmp_path, parts, compressed=True)
    assert long in digests
    assert len(digests) == 8
    assert not (tmp_path / "new" / "tiny" / ".DS_Store").exists()
    assert (tmp_path / "new" / "tiny" / long).stat().st_mode & 0o7111 == 0


IMAGE = jpeg(1)
GOOD = tar({"tiny/train/1.jpg": IMAGE})[:-10_240]


@pytest.mark.parametrize(
    "name",
    [
        "../evil.jpg",
        "tiny/train/../../../evil.jpg",
        "tiny/../../.evil.jpg",
        "tiny/train/..",
        "/tmp/evil.jpg",
        "//tiny/train/evil.jpg",
        "tiny/train/",
        "tiny/train",
        "tiny/evil.jpg",
        "tiny/other/1.jpg",
        "tiny/train/deep/1.jpg",
        "other/train/1.jpg",
        "tiny/train/evil.sh",
        "tiny/train/evil",
        "tiny/train/evil.gif",
        "tiny/train/a\\b.jpg",
        "tiny/train/a\x1b[31m.jpg",
        "tiny/train/a\n.jpg",
        "tiny/train/é.jpg",
        "tiny/train/\udcff.jpg",
        "tiny/train/" + "x" * 300 + ".jpg",
        "",
    ],
)
def test_names_that_are_refused(name: str, tmp_path: Path) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(IMAGE)
    head = info.tobuf(tarfile.GNU_FORMAT, errors="surrogateescape")
    message = refused(tmp_path, GOOD + head + IMAGE + bytes(-len(IMAGE) % 512) + bytes(1024))
    assert "nothing was unpacked" in message
    assert message.isprintable()
    assert written(tmp_path) == ["new/tiny/train/1.jpg"]
    assert not Path("/tmp/evil.jpg").exists()


@pytest.mark.parametrize(
    "head",
    [
        member("tiny/train/2.jpg", type=tarfile.SYMTYPE, link="/etc/passwd"),
        member("tiny/train", type=tarfile.SYMTYPE, link="/tmp"),
        member("tiny/train/2.jpg", type=tarfile.LNKTYPE, link="tiny/train/1.jpg"),
        member("tiny/train/2.jpg", type=tarfile.LNKTYPE, link="../../../etc/passwd"),
        member("tiny/train/2.jpg", type=tarfile.CHRTYPE),
        member("tiny/train/2.jpg", type=tarfile.BLKTYPE),
        member("tiny/train/2.jpg", type=tarfile.FIFOTYPE),
        member("tiny/train/2.jpg", type=tarfile.CONTTYPE),
        member("tiny/train/2.jpg", type=b"Z"),
        member("tiny/train/2.jpg", 0, type=tarfile.GNUTYPE_SPARSE),
    ],
)
def test_members_that_are_no_plain_files(head: bytes, tmp_path: Path) -> None:
    assert "plain files only" in refused(tmp_path, GOOD + head + bytes(1024))
    assert written(tmp_path) == ["new/tiny/train/1.jpg"]


def test_folders_that_are_refused(tmp_path: Path) -> None:
    for name in ("../out", "/out", "tiny/other", "tiny/train/deep", "__MACOSX"):
        place = tmp_path / name.replace("/", "_").replace(".", "_")
        place.mkdir()
        assert "the folder" in refused(place, GOOD + member(name, type=tarfile.DIRTYPE))
        assert written(place) == ["new/tiny/train/1.jpg"]


@pytest.mark.parametrize("second", ["tiny/train/1.jpg", "tiny/train/1.JPG", "./tiny/train/1.jpg"])
def test_a_name_twice(second: str, tmp_path: Path) -> None:
    assert "twice" in refused(tmp_path, tar([("tiny/train/1.jpg", IMAGE), (second, IMAGE)]))
    assert (tmp_path / "new/tiny/train/1.jpg").read_bytes() == IMAGE


def sparse(size: int) -> bytes:
    """A sparse file in the format of PAX 1.0, of some bytes in the archive and many outside it."""
    info = tarfile.TarInfo("tiny/train/2.jpg")
    info.size = 512
    info.pax_headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.name": "tiny/train/2.jpg",
        "GNU.sparse.realsize": str(size),
    }
    return info.tobuf(tarfile.PAX_FORMAT) + f"1\n{size}\n0\n".encode().ljust(512, b"\0")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (member("tiny/train/2.jpg", 1 << 40), "bytes, expected at most"),
        (member("tiny/train/2.jpg", 210_000) + bytes(210_432), "bytes, expected at most"),
        (sparse(1 << 40), "plain files only"),
        (member("tiny/.hidden", 1 << 36), "when unpacked"),
        (member("././@LongLink", 1 << 31, tarfile.GNUTYPE_LONGNAME), "a header of"),
        (member("x", 1 << 31, tarfile.XHDTYPE), "a header of"),
        (member("x", 1 << 31, tarfile.XGLTYPE), "a header of"),
        (member("x", 70_000, tarfile.XGLTYPE) + bytes(70_144), "a header of"),
        (512 * b"\xff", "one of its headers is damaged"),
    ],
)
def test_members_that_say_they_are_huge(data: bytes, reason: str, tmp_path: Path) -> None:
    tracemalloc.start()
    message = refused(tmp_path, GOOD + data + bytes(1024))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert reason in message
    assert peak < 8 << 20
    assert all((tmp_path / name).stat().st_size <= 200_000 for name in written(tmp_path))


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    """256 MiB of zeros after the end, in one."""
    archive = tmp_path / "tiny.tar.gz"
    with gzip.open(archive, "wb", 1) as file:
        file.write(GOOD)
        for _ in range(16):
            file.write(bytes(1 << 24))
    assert archive.stat().st_size < 4 << 20
    with pytest.raises(InputError, match="bytes when unpacked"):
        unpack(archive, tmp_path / "new", ENTRY)
    archive.write_bytes(gzip.compress(tar([]) + bytes(1 << 26)))
    with pytest.raises(InputError, match="bytes when unpacked"):
        unpack(archive, tmp_path / "newer", ENTRY)


def test_many_headers_after_one_another(tmp_path: Path) -> None:
    head = member("x", 512, tarfile.XHDTYPE) + b"20 comment=abcdefgh\n".ljust(512, b"\0")
    refused(tmp_path, GOOD + 800 * head + bytes(1024))


def test_too_many_images(tmp_path: Path) -> None:
    files = {f"tiny/train/{n}.jpg": IMAGE for n in range(ENTRY.most_images + 1)}
    assert f"more than {ENTRY.most_images} images" in refused(tmp_path, tar(files))
    assert len(written(tmp_path)) == ENTRY.most_images


def test_many_hidden_files(tmp_path: Path) -> None:
    """They are passed over, but not without end."""
    files = [(f"tiny/train/._{n}", b"") for n in range(20_000)]
    assert "when unpacked" in refused(tmp_path, tar(files))


@pytest.mark.parametrize("end", [1, 9, 17, 100, 2000, -9, -1])
def test_a_cut_archive(end: int, tmp_path: Path) -> None:
    assert "damaged" in refused(tmp_path, gzip.compress(tar(images()))[:end], compressed=True)


def test_changed_bytes_anywhere(tmp_path: Path) -> None:
    """Whatever the byte, images come out as they were or the archive is refused."""
    files = images()
    whole = gzip.compress(tar(files), 1)
    generator = random.Random(0)
    for turn in range(150):
        data = bytearray(whole)
        data[generator.randrange(10, len(data))] ^= 1 << generator.randrange(8)
        place = tmp_path / str(turn)
        place.mkdir()
        try:
            unpacked(place, bytes(data), compressed=True)
        except InputError:
            continue
        for name, content in files.items():
            assert (place / "new" / name).read_bytes() == content


def test_changed_headers(tmp_path: Path) -> None:
    """The same within a gzip file whose checksum is right."""
    whole = tar(images())
    generator = random.Random(1)
    for turn in range(300):
        data = bytearray(whole)
        data[512 + generator.randrange(512)] = generator.randrange(256)
        place = tmp_path / str(turn)
        place.mkdir()
        with contextlib.suppress(InputError):
            unpacked(place, bytes(data))
        assert all(name.startswith("new/tiny/") for name in written(place))


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "_write", full)
    with pytest.raises(InputError, match=r"No space left.*check space") as caught:
        unpacked(tmp_path, tar(images()))
    assert "damaged" not in str(caught.value)


def test_progress(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    archive = tmp_path / "tiny.tar.gz"
    archive.write_bytes(gzip.compress(tar(images())))
    unpack(archive, tmp_path / "new", ENTRY, lambda done, total: seen.append((done, total)))
    size = archive.stat().st_size
    assert len(seen) == 7
    assert all(0 < done <= total == size for done, total in seen)


def test_what_is_no_archive(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for data in (b"", b"<html>moved</html>", gzip.compress(b"x"), gzip.compress(bytes(9999))):
        path.write_bytes(data)
        with pytest.raises(DownloadError, match=r"no \.tar\.gz archive"):
            check_start(path)
    path.write_bytes(gzip.compress(tar(images())))
    check_start(path)

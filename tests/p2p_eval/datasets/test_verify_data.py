"""What verifying a fetched data set finds, and the commands."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

sys.path.insert(0, str(Path(__file__).parents[2] / "helpers"))

from file_server import serve
from side_by_side import entry, images, jpeg, tar

from p2p_eval.cli.data import app
from p2p_eval.datasets import catalogue
from p2p_eval.datasets.catalogue import CATALOGUE
from p2p_eval.datasets.fetch import get
from p2p_eval.datasets.verify import RECORD_NAME, counts, read_record, verify
from p2p_eval.errors import InputError

ARCHIVE = gzip.compress(tar(images()), 1)


@pytest.fixture(autouse=True)
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A catalogue whose only download is a loopback server's."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("P2P_EVAL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("fcn.download.BACKOFF_SECONDS", 0.0)
    with serve(ARCHIVE) as server:
        monkeypatch.setattr(catalogue, "CATALOGUE", (CATALOGUE[0], entry(server.url)))
        yield server.url


@pytest.fixture
def folder(url: str) -> Path:
    return get("tiny")


def wrong(folder: Path) -> list[str]:
    with pytest.raises(InputError) as caught:
        verify(folder)
    return str(caught.value).split("\n")


def test_nothing_is_wrong(folder: Path) -> None:
    seen: list[tuple[int, int]] = []
    record = verify(folder, progress=lambda done, total: seen.append((done, total)))
    assert record == read_record(folder) == verify(folder, workers=1, decode=False)
    assert seen == [(done, 7) for done in range(1, 8)]
    assert counts(record.files, entry()) == {"train": 4, "val": 2, "test": 1}
    (folder / ".DS_Store").touch()
    (folder / ".Trash").mkdir()
    (folder / ".Trash" / "1.jpg").touch()
    verify(folder)


def test_added_changed_and_missing(folder: Path) -> None:
    (folder / "train" / "1.jpg").write_bytes(jpeg(99))
    (folder / "train" / "2.jpg").write_bytes((folder / "train" / "2.jpg").read_bytes()[:-9])
    (folder / "val" / "1.jpg").unlink()
    (folder / "test" / "new.jpg").write_bytes(jpeg(1))
    (folder / "notes.txt").touch()
    (folder / "linked").symlink_to(folder / "val")
    lines = wrong(folder)
    assert lines[0] == f"{folder}: 7 things differ from the data set tiny:"
    assert lines[1:-1] == [
        "  val/1.jpg: missing",
        "  linked: added",
        "  notes.txt: added",
        "  test/new.jpg: added",
        "  val: got 1 images, expected 2",
        "  train/1.jpg: changed since it was fetched",
        "  train/2.jpg: changed since it was fetched",
    ]
    assert lines[-1] == ("Remove the folder and run `p2p-eval data get tiny` to fetch it anew")


def test_the_first_ten_are_named(folder: Path) -> None:
    for number in range(15):
        (folder / "test" / f"new{number:02}.jpg").touch()
    lines = wrong(folder)
    assert lines[0].endswith(": 15 things differ from the data set tiny:")
    assert len(lines) == 13
    assert lines[11] == "  … and 5 more"


def test_far_too_many_files(folder: Path) -> None:
    for number in range(2 * entry().most_images):
        (folder / "test" / f"new{number:02}.jpg").touch()
    assert "got more than 24 files" in wrong(folder)[0]


def test_images_that_were_damaged_when_published(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their headers are right and their bytes are what was fetched, but they cannot be decoded."""
    whole = jpeg(5, (64, 32))
    files = images() | {"tiny/val/1.jpg": whole[: len(whole) // 2]}
    with serve(gzip.compress(tar(files))) as server:
        monkeypatch.setattr(catalogue, "CATALOGUE", (entry(server.url),))
        folder = get("tiny")
    assert get("tiny") == folder
    lines = wrong(folder)
    assert "1 thing differs" in lines[0]
    assert "val/1.jpg: the image is damaged" in lines[1]


def test_devices_and_unreadable_things(folder: Path) -> None:
    for name in ("1.jpg", "2.jpg", "3.jpg"):
        (folder / "train" / name).unlink()
    os.mkfifo(folder / "train" / "1.jpg")
    (folder / "train" / "2.jpg").symlink_to("nowhere")
    (folder / "train" / "3.jpg").mkdir()
    text = "\n".join(wrong(folder))
    assert "train/1.jpg: got a folder or a device" in text
    assert "train/2.jpg: cannot be read" in text
    assert "train/3.jpg: missing" in text


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "",
        lambda text: "[]",
        lambda text: "{}",
        lambda text: "[" * 100_000,
        lambda text: text[:-50],
        lambda text: text.replace("data-record/1", "data-record/9"),
        lambda text: text.replace("train/1.jpg", "train/7.jpg"),
        lambda text: text.replace('"name": "tiny"', '"name": 3'),
        lambda text: text.replace('"fingerprint": "', '"fingerprint": "0'),
    ],
)
def test_a_damaged_record(change: object, folder: Path) -> None:
    path = folder / RECORD_NAME
    path.write_text(change(path.read_text()))  # type: ignore[operator]
    with pytest.raises(InputError, match=r"the record cannot be used"):
        verify(folder)


def test_no_record_and_an_unknown_one(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a folder without \.p2p-eval-data\.json"):
        verify(tmp_path)
    with pytest.raises(InputError, match=r"a folder without"):
        verify(tmp_path / "none")
    path = folder / RECORD_NAME
    path.write_text(path.read_text().replace('"name": "tiny"', '"name": "gone"'))
    with pytest.raises(InputError, match="got data 'gone', expected one of scenes, tiny"):
        verify(folder)


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert "Traceback" not in result.output
    assert "internal error" not in result.output
    return result


def test_list() -> None:
    def row(name: str) -> dict[str, object]:
        document = json.loads(run("list", "--json").stdout)
        assert document["schema"] == "p2p-eval/data/1"
        return next(row for row in document["data"] if row["name"] == name)

    tiny = row("tiny")
    assert tiny["here"] is None
    assert tiny["images"] == {"train": 4, "val": 2, "test": None}
    assert tiny["size"] == 100_000
    assert tiny["sides"] == ["noise", "other noise"]
    assert "here       –" in run("list").stdout
    folder = run("get", "tiny").stdout.strip()
    assert row("tiny")["here"] == folder
    text = run("list").stdout
    for part in (f"here       {folder}", "4 train, 2 val, ? test", "about 0 MiB", "noise left"):
        assert part in text


def test_list_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "CATALOGUE", CATALOGUE)
    text = run("list").stdout
    for part in (
        "400 train, 100 val, 106 test", "photo left, labels right", "about 239 MiB",
        "efrosgans.eecs.berkeley.edu/pix2pix/datasets/maps.tar.gz", "data make scenes",
        "not verified from here", "night left, day right",
    ):  # fmt: skip
        assert part in text


def test_get_and_verify(tmp_path: Path) -> None:
    got = run("get", "tiny", "--out", tmp_path / "new", "--quiet")
    assert (got.exit_code, got.stdout) == (0, f"{tmp_path / 'new'}\n")
    refused = run("verify", "tiny")
    assert refused.exit_code == 2
    assert "data get tiny" in refused.stderr
    assert refused.stdout == ""
    assert run("get", "tiny", "--keep-archive").exit_code == 0
    for name in ("tiny", tmp_path / "new"):
        checked = run("verify", name)
        assert checked.exit_code == 0
        assert "tiny, 4 train, 2 val, 1 test, fetched 2" in checked.stdout
    facts = json.loads(run("verify", "tiny", "--json").stdout)
    assert facts["schema"] == "p2p-eval/data-verify/1"
    assert facts["images"] == {"train": 4, "val": 2, "test": 1}
    assert facts["archive_sha256"] == hashlib.sha256(ARCHIVE).hexdigest()
    assert facts["fingerprint"] in checked.stdout
    (tmp_path / "new" / "val" / "1.jpg").unlink()
    damaged = run("verify", tmp_path / "new", "--json", "--workers", 1)
    assert (damaged.exit_code, damaged.stdout) == (2, "")
    assert "val/1.jpg: missing" in damaged.stderr


def test_commands_refuse() -> None:
    for arguments, part in [
        (["get", "scenes"], "data make scenes"),
        (["get", "none"], "expected one of"),
        (["get", "tiny", "--out", ""], "empty path"),
        (["verify", "none"], "expected one of"),
        (["verify", "."], "a folder without"),
    ]:
        result = run(*arguments)
        assert result.exit_code == 2
        assert part in result.stderr
        assert result.stdout == ""


@pytest.mark.data
def test_the_real_facades(test_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pix2pix authors' images, archived anew, against the entry as it is."""
    import tarfile
    from dataclasses import replace

    facades = next(entry for entry in CATALOGUE if entry.name == "facades")
    archive = tmp_path / "facades.tar.gz"
    with tarfile.open(archive, "w:gz", compresslevel=1) as out:
        out.add(test_data / "facades", "facades")
    assert facades.size is not None
    assert 0.9 < archive.stat().st_size / facades.size < 1.1
    with serve(archive.read_bytes()) as server:
        monkeypatch.setattr(catalogue, "CATALOGUE", (replace(facades, address=(server.url,)),))
        folder = get("facades")
        record = verify(folder)
    assert counts(record.files, facades) == {"train": 400, "val": 100, "test": 106}
    shutil.rmtree(folder)

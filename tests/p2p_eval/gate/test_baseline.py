"""Baselines: what is written is read, what is damaged is refused, and none is lost."""

from __future__ import annotations

import base64
import json
import lzma
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_scores import colors, metrics, segmentation, study

from p2p_eval.errors import InputError, StoreError
from p2p_eval.gate import baseline as module
from p2p_eval.gate.baseline import baseline_bytes, read_baseline
from p2p_eval.gate.history import history, plot_history
from p2p_eval.gate.scored import Scored
from p2p_eval.gate.series import add, baselines, find
from p2p_eval.gate.setting import Commit, Setting, current_setting

RNG = np.random.default_rng(0)
SETTING = Setting(
    "2026-11-27T19:00:00+00:00",
    "0.1.0",
    Commit("1dc586e0" * 5, "main", "2026-11-27T18:00:00+00:00", False),
    {"python": "3.11"},
)


def scored() -> list[Scored]:
    rng = np.random.default_rng(0)
    rows = rng.normal(20, 2, (12, 2))
    rows[3, 0] = np.inf
    return [
        metrics(rows),
        segmentation(rng.poisson(300, (12, 5, 6)).astype(np.int64)),
        colors(rng.poisson(9, (12, 2, 3, 8)).astype(np.int64)),
        study(18.9, 2.5),
    ]


def same(a: Scored, b: Scored) -> bool:
    return (
        (a.experiment, a.kind, a.figures, a.images, a.keys)
        == (b.experiment, b.kind, b.figures, b.images, b.keys)
        and a.rows.dtype == b.rows.dtype
        and np.array_equal(a.rows, b.rows)
    )


def write(path: Path, change: Callable[[dict[str, Any]], object], *, sign: bool = True) -> Path:
    """Write a baseline that somebody changed, with the digest of its new content or the old."""
    document = json.loads(baseline_bytes(SETTING, scored()))
    digest = document.pop("sha256")
    change(document)
    document["sha256"] = module._digest(document) if sign else digest
    path.write_text(json.dumps(document))
    return path


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = add(tmp_path / "kept", scored(), SETTING)
    assert path.name == "0001_1dc586e0_20261127_190000.json"
    read = find(tmp_path / "kept")
    assert read.setting == SETTING
    assert len(read.scored) == 4
    assert all(same(a, b) for a, b in zip(read.scored, scored(), strict=True))
    assert path.read_bytes() == baseline_bytes(SETTING, scored())


def test_a_person_can_read_it(tmp_path: Path) -> None:
    document = json.loads(add(tmp_path, scored(), SETTING).read_text())
    assert document["commit"]["branch"] == "main"
    figure = document["scores"][0]["figures"][1]
    assert (figure["name"], figure["better"]) == ("lpips", "lower")
    assert figure["signature"] == "lpips|device:cpu|version:1"
    packed = document["scores"][1]["rows"]
    assert packed["type"] == "<u2"
    data = lzma.decompress(base64.b64decode(packed["xz"]))
    assert np.array_equal(np.frombuffer(data, "<u2").reshape(12, 5, 6), scored()[1].rows)


def test_it_is_small_enough_for_version_control() -> None:
    rows = np.random.default_rng(1).normal(0, 1, (500, 6))
    six = ("psnr", "ssim", "ms-ssim", "gmsd", "lpips", "ciede2000")
    assert len(baseline_bytes(SETTING, [metrics(rows, six)])) < 200_000


def test_numbers_go_up_and_the_newest_is_taken(tmp_path: Path) -> None:
    paths = [add(tmp_path, scored(), SETTING) for _ in range(3)]
    assert [path.name[:4] for path in paths] == ["0001", "0002", "0003"]
    assert find(tmp_path).number == 3
    assert find(tmp_path, "2").path == paths[1]
    assert find(tmp_path, str(paths[0])).number == 1
    paths[1].unlink()
    assert add(tmp_path, scored(), SETTING).name.startswith("0004")
    with pytest.raises(InputError, match="got baseline 2, expected one of those there: 1, 3, 4"):
        find(tmp_path, "2")
    with pytest.raises(InputError, match=r"got baseline 'nowhere.json', expected a number or a"):
        find(tmp_path, "nowhere.json")


def test_no_baseline_is_no_pass(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(InputError, match=r"got no baseline.*--update"):
            find(folder)


def test_two_branches_with_one_number(tmp_path: Path) -> None:
    path = add(tmp_path, scored(), SETTING)
    path.with_name("0001_ffffffff_20261127_190001.json").write_bytes(path.read_bytes())
    with pytest.raises(StoreError, match="expected one baseline of a number"):
        find(tmp_path)


def test_other_files_are_passed_over(tmp_path: Path) -> None:
    path = add(tmp_path, scored(), SETTING)
    (tmp_path / "notes.md").write_text("why 0001")
    assert baselines(tmp_path) == [path]


def _first(document: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = document["scores"][0]
    return entry


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: _first(d)["images"].pop(), "different numbers of images"),
        (lambda d: _first(d)["images"].__setitem__(0, "image0001"), "stands in it twice"),
        (lambda d: _first(d)["keys"].__setitem__(0, "x"), "a key is no digest"),
        (lambda d: _first(d)["figures"].pop(), "not one value a figure"),
        (lambda d: _first(d)["figures"].clear(), "no figures"),
        (lambda d: _first(d).update(score="fid"), "got 'fid', expected metrics or"),
        (lambda d: _first(d)["rows"].update(shape=[12, 3]), "another size"),
        (lambda d: _first(d)["rows"].update(shape=[1 << 40, 2]), "bytes of rows"),
        (lambda d: _first(d)["rows"].update(xz="!"), "rows.xz"),
        (lambda d: _first(d)["rows"].update(type="<f4"), "expected <u1 or"),
        (lambda d: _first(d)["rows"].update(xz=5), "expected a text"),
        (lambda d: _first(d).update(rows=d["scores"][1]["rows"]), "another kind"),
        (lambda d: _first(d)["figures"][0].update(better="up"), "expected higher or lower or zero"),
        (lambda d: _first(d)["figures"][0].update(value="1"), "expected a finite number"),
        (lambda d: d.pop("written"), "expected an entry 'written'"),
        (lambda d: d.update(machine=[]), "expected an object"),
        (lambda d: d.update(schema="p2p-eval/gate/1"), "got schema 'p2p-eval/gate/1'"),
    ],
)
def test_inconsistent(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    path = write(tmp_path / "0001_a_b.json", change)
    with pytest.raises(StoreError, match=message) as caught:
        find(tmp_path)
    assert str(path) in str(caught.value)


def test_edited_by_hand(tmp_path: Path) -> None:
    def better(document: dict[str, Any]) -> None:
        _first(document)["figures"][0]["value"] += 1

    path = write(tmp_path / "0001_a_b.json", better, sign=False)
    with pytest.raises(StoreError, match=r"edited or merged.*version control"):
        read_baseline(path, 1)


def test_nan_among_the_rows(tmp_path: Path) -> None:
    rows = np.full((12, 2), np.nan)
    path = tmp_path / "0001_a_b.json"
    path.write_bytes(baseline_bytes(SETTING, [metrics(rows)]))
    with pytest.raises(StoreError, match="its rows hold NaN"):
        read_baseline(path, 1)
    path.write_text('{"schema": NaN}')
    with pytest.raises(StoreError, match="it holds NaN"):
        read_baseline(path, 1)


@pytest.mark.parametrize("kept", [0, 1, 100, -10])
def test_truncated(tmp_path: Path, kept: int) -> None:
    path = add(tmp_path, scored(), SETTING)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(StoreError, match="damaged"):
        find(tmp_path)


def test_merge_markers(tmp_path: Path) -> None:
    path = add(tmp_path, scored(), SETTING)
    path.write_text("<<<<<<< HEAD\n" + path.read_text())
    with pytest.raises(StoreError, match="no JSON"):
        find(tmp_path)


def test_a_newer_schema(tmp_path: Path) -> None:
    def newer(document: dict[str, Any]) -> None:
        document.update(schema="p2p-eval/baseline/9", version="3.2.1")

    write(tmp_path / "0001_a_b.json", newer)
    with pytest.raises(StoreError, match=r"p2p-eval 3\.2\.1 wrote it; install that version"):
        find(tmp_path)


def test_an_older_schema_is_migrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As if version 2 called the key of images otherwise.
    def migration(document: dict[str, Any]) -> dict[str, Any]:
        for entry in document["scores"]:
            entry["names"] = entry.pop("images")
        return document

    path = add(tmp_path, scored(), SETTING)
    monkeypatch.setattr(module, "VERSION", 2)
    monkeypatch.setattr(module, "MIGRATIONS", {1: migration})
    with pytest.raises(StoreError, match="expected an entry 'images'"):
        read_baseline(path, 1)  # today's reader does not know tomorrow's key: it was migrated


def test_bombs(tmp_path: Path) -> None:
    bomb = base64.b64encode(lzma.compress(bytes(1 << 28))).decode()

    def packed(document: dict[str, Any]) -> None:
        _first(document)["rows"]["xz"] = bomb

    write(tmp_path / "0001_a_b.json", packed)
    with pytest.raises(StoreError, match="another size"):
        find(tmp_path)


def test_no_regular_file(tmp_path: Path) -> None:
    (tmp_path / "0001_a_b.json").mkdir()
    with pytest.raises(StoreError, match=r"no regular file.*version control"):
        find(tmp_path)


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    place = tmp_path / "kept"
    place.write_text("")
    with pytest.raises(StoreError, match="kept"):
        add(place, scored(), SETTING)
    with pytest.raises(StoreError, match="cannot be read"):
        find(place)
    assert place.read_text() == ""


WRITER = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from test_baseline import SETTING, scored
from p2p_eval.gate.series import add
for _ in range(5):
    add(Path(sys.argv[1]), scored(), SETTING)
"""


def test_programs_that_write_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    here = Path(__file__).parent
    paths = [str(here), str(here.parents[1] / "helpers")]
    programs = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), *paths]) for _ in range(4)
    ]
    assert [program.wait(timeout=120) for program in programs] == [0] * 4
    assert [int(path.name[:4]) for path in baselines(tmp_path)] == list(range(1, 21))
    assert all(len(find(tmp_path, str(number)).scored) == 4 for number in range(1, 21))
    left = {path.name for path in tmp_path.iterdir()} - {p.name for p in baselines(tmp_path)}
    assert left == {".gitignore", ".p2p-eval.lock"}


def test_the_setting_of_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert current_setting().commit is None
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]
    (tmp_path / "model").write_text("1")
    for arguments in (["init", "-q", "-b", "trunk"], ["add", "."], ["commit", "-q", "-m", "m"]):
        subprocess.run([*git, *arguments], check=True, cwd=tmp_path)
    commit = current_setting().commit
    assert commit is not None
    assert (commit.branch, commit.changed, len(commit.id)) == ("trunk", False, 40)
    (tmp_path / "model").write_text("2")
    path = add(tmp_path / ".p2p-eval", scored())
    assert f"_{commit.id[:8]}-changed_" in path.name
    read = find(tmp_path / ".p2p-eval").setting.commit
    assert read is not None
    assert read.changed
    ignored = subprocess.run(
        ["git", "status", "--porcelain", "--untracked-files=all"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert ".lock" not in ignored


def test_history(tmp_path: Path) -> None:
    rows = np.random.default_rng(2).normal(20, 1, (12, 2))
    for step in range(3):
        add(tmp_path, [metrics(rows + step)], SETTING)
    add(tmp_path, [metrics(rows[:, :1], ["psnr"])], SETTING)
    told = history([find(tmp_path, str(number)) for number in range(1, 5)])
    psnr, lpips = told.courses
    assert [round(v - rows[:, 0].mean(), 9) for v in psnr.values if v is not None] == [0, 1, 2, 0]
    assert lpips.values[3] is None
    assert lpips.comparable() == [(0, 1, 2)]
    document = told.to_json()
    assert document["figures"][1]["values"][3] is None
    for suffix in ("svg", "png"):
        plot_history(told, tmp_path / f"plot.{suffix}")
        assert (tmp_path / f"plot.{suffix}").stat().st_size > 1000
    plot_history(told, tmp_path / "again.svg")
    assert (tmp_path / "again.svg").read_bytes() == (tmp_path / "plot.svg").read_bytes()
    with pytest.raises(InputError, match=r"ends in \.svg or \.png"):
        plot_history(told, tmp_path / "plot.gif")

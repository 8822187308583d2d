"""What an export for Mechanical Turk holds, and what it does not tell."""

from __future__ import annotations

import csv
import json
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "helpers"))

from small_study import PRACTICE, TRIALS, study

from p2p_eval.errors import InputError, StoreError
from p2p_eval.study.mturk import (
    INPUT,
    LAYOUT,
    MAX_QUESTION_BYTES,
    QUESTION,
    export_mturk,
    read_batch,
)
from p2p_eval.study.plan import Plan, Session, Trial

URL = "https://example.org/study/images"


@pytest.fixture(scope="module")
def designed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Plan]:
    folder = tmp_path_factory.mktemp("designed") / "study"
    return folder, study(folder)


@pytest.fixture
def plan(designed: tuple[Path, Plan], tmp_path: Path) -> Plan:
    shutil.copytree(designed[0], tmp_path / "study")
    return designed[1]


@pytest.fixture
def out(tmp_path: Path, plan: Plan) -> Path:
    export_mturk(tmp_path / "study", plan, tmp_path / "out", image_url=URL)
    return tmp_path / "out"


def test_the_csv_has_a_row_a_session_with_its_images_in_order(out: Path, plan: Plan) -> None:
    with (out / INPUT).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["session"] for row in rows] == [session.id for session in plan.sessions]
    for row, session in zip(rows, plan.sessions, strict=True):
        assert row["plan"] == plan.hash
        shown = [tuple(pair.split("-")) for pair in row["trials"].split(" ")]
        assert shown == [(trial.left, trial.right) for trial in session.trials]
        assert row["practice"].split(" ") == [trial.real for trial in session.trials[:PRACTICE]]


def test_the_page_asks_for_the_columns_that_the_csv_has_and_no_other(out: Path) -> None:
    asked = set(re.findall(r"\$\{([^}]*)\}", (out / QUESTION).read_text()))
    assert asked == set((out / INPUT).read_text().splitlines()[0].split(","))


def test_the_page_loads_nothing_but_images(out: Path) -> None:
    page = (out / QUESTION).read_text()
    addresses = set(re.findall(r"(?:src|href|action|data-image-url)=\"([^\"]{,80})", page))
    assert {a for a in addresses if not a.startswith("data:")} == {
        URL,
        "https://www.mturk.com/mturk/externalSubmit",
    }


def test_nothing_tells_algorithms_or_sides_that_count(out: Path, plan: Plan) -> None:
    for path in out.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert b"L1" not in data
            assert b"cGAN" not in data
    sides = [trial.real for session in plan.sessions for trial in session.trials[PRACTICE:]]
    assert len(sides) == len(plan.sessions) * TRIALS
    written = re.findall("left|right", (out / INPUT).read_text())
    assert len(written) == len(plan.sessions) * PRACTICE


def test_images_are_copied_as_they_are(out: Path, plan: Plan, tmp_path: Path) -> None:
    assert {path.stem for path in (out / "images").iterdir()} == set(plan.images)
    for path in (out / "images").iterdir():
        assert path.read_bytes() == (tmp_path / "study" / "images" / path.name).read_bytes()


def test_a_full_session_fits_what_the_service_takes(tmp_path: Path) -> None:
    token = iter(range(10_000))
    names = [f"{next(token):032x}" for _ in range(100)]
    trials = tuple(Trial(a, b, "left") for a, b in zip(names[::2], names[1::2], strict=True))
    plan = Plan(
        hash="0" * 64,
        seed=0,
        paired=True,
        practice=10,
        size=256,
        milliseconds=1000,
        algorithms=("L1",),
        images={name: f"L1/output/{name}.png" for name in names},
        sessions=(Session("f" * 32, "L1", trials),),
    )
    folder = tmp_path / "study" / "images"
    folder.mkdir(parents=True)
    for name in names:
        (folder / f"{name}.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    export_mturk(tmp_path / "study", plan, tmp_path / "out", image_url=URL)
    question = read_batch(tmp_path / "out").html_question("f" * 32)
    assert len(question.encode()) <= MAX_QUESTION_BYTES
    assert "${" not in question


def test_what_was_written_is_read(out: Path, plan: Plan) -> None:
    batch = read_batch(out)
    assert batch.plan == plan.hash
    assert list(batch.rows) == [session.id for session in plan.sessions]
    xml = batch.html_question(plan.sessions[1].id)
    assert f'name="session" value="{plan.sessions[1].id}"' in xml


@pytest.mark.parametrize(
    "address",
    [
        "http://example.org/images",
        "https://example.org/a b",
        'https://example.org/"><script>',
        "https://example.org/?key=1",
        "https://user:secret@example.org/",
        "javascript:alert(1)",
        "https://example.org/${session}",
        "https://example.org/" + "x" * 2000,
    ],
)
def test_addresses_that_could_break_out_are_refused(
    tmp_path: Path, plan: Plan, address: str
) -> None:
    with pytest.raises(InputError, match="--image-url"):
        export_mturk(tmp_path / "study", plan, tmp_path / "out", image_url=address)
    assert not (tmp_path / "out").exists()


def test_practice_that_gives_away_what_counts_is_refused(tmp_path: Path, plan: Plan) -> None:
    first, second, *rest = plan.sessions
    mixed = replace(second, trials=(*first.trials[PRACTICE:], *second.trials[:PRACTICE]))
    with pytest.raises(InputError, match="practice that count"):
        export_mturk(
            tmp_path / "study",
            replace(plan, sessions=(first, mixed, *rest)),
            tmp_path / "out",
            image_url=URL,
        )


def test_a_missing_image_and_one_that_is_none_are_named(tmp_path: Path, plan: Plan) -> None:
    path = tmp_path / "study" / "images" / f"{plan.sessions[0].trials[0].left}.png"
    path.write_text("GIF89a")
    with pytest.raises(InputError, match=rf"{path.name}: no PNG"):
        export_mturk(tmp_path / "study", plan, tmp_path / "out", image_url=URL)
    path.unlink()
    with pytest.raises(InputError, match=rf"{path.name}: there is no such image"):
        export_mturk(tmp_path / "study", plan, tmp_path / "out", image_url=URL)
    assert not (tmp_path / "out" / QUESTION).exists()


def test_images_of_another_study_are_not_mixed_in(tmp_path: Path, out: Path) -> None:
    other = study(tmp_path / "other", seed=7)
    with pytest.raises(InputError, match="none of this study's images"):
        export_mturk(tmp_path / "other", other, out, image_url=URL)


def test_a_changed_export_is_refused(out: Path) -> None:
    text = (out / INPUT).read_text()
    (out / INPUT).write_text(text.replace("left", "=cmd()", 1))
    with pytest.raises(InputError, match="row 2: not as it was written"):
        read_batch(out)
    (out / INPUT).write_text("\n".join([*text.splitlines(), text.splitlines()[1]]))
    with pytest.raises(InputError, match="twice"):
        read_batch(out)
    (out / INPUT).write_text("\n".join(text.splitlines()[:-1]))
    with pytest.raises(InputError, match=r"got \d+ sessions, expected"):
        read_batch(out)
    (out / INPUT).write_text(text)
    question = (out / QUESTION).read_text()
    (out / QUESTION).write_text(question + "${other}")
    with pytest.raises(InputError, match="other"):
        read_batch(out)
    (out / QUESTION).write_text(question.replace("${trials}", ""))
    with pytest.raises(InputError, match=r"got no variable \$\{trials\}"):
        read_batch(out)
    (out / LAYOUT).write_text(json.dumps({"schema": "p2p-eval/mturk-layout/2"}))
    with pytest.raises(StoreError, match="mturk-layout/2"):
        read_batch(out)


def test_a_folder_that_is_no_export_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="study export --to mturk"):
        read_batch(tmp_path)

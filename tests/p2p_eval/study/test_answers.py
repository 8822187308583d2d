"""Files of answers, ours and Mechanical Turk's, are read as they are meant, or refused."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from p2p_eval.errors import InputError
from p2p_eval.study.answers import read_answers
from p2p_eval.study.csv_rows import MAX_BYTES
from p2p_eval.study.votes import COLUMNS, Vote, votes_csv, write_votes

PLAN = "0" * 64
VOTE = Vote("p1", "s1", "L1+cGAN", 1, False, "left", "right", "L1/target/1.png", "L1/output/1.png")
FULL = replace(
    VOTE, trial=2, practice=True, answer=None, order=1.5, response_ms=0.1 + 0.2,
    shown_ms=(999.5, 1001.25), dropped_frames=3, lost_focus=True, seen_before=2, trials=50,
)  # fmt: skip


def text(*votes: Vote) -> str:
    return "".join(votes_csv(votes, PLAN))


def read(tmp_path: Path, content: str | bytes, practice: int | None = None) -> tuple[Vote, ...]:
    path = tmp_path / "votes.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_answers([path], practice).votes


def test_ours_round_trip(tmp_path: Path) -> None:
    odd = ["=1+1", "+a", "-a", "@a", "'a", "''=a", 'a"b,c;d', "é", "x" * 1024]
    votes = [VOTE, FULL, *(replace(VOTE, participant=name, fake_image=name) for name in odd)]
    path = tmp_path / "votes.csv"
    write_votes(path, votes, PLAN)
    answers = read_answers([path])
    assert answers.votes == tuple(votes)
    assert answers.plans == (PLAN,)
    assert answers.notes == ()


def test_no_cell_is_a_formula() -> None:
    names = ["=cmd()", "+1", "-1", "@x"]
    rows = csv.reader(votes_csv([replace(VOTE, participant=name) for name in names], PLAN))
    assert not [cell for row in rows for cell in row if cell[:1] in "=+-@\t\r" and cell]


def commas(content: str) -> str:
    return content.replace(",", ";").replace(".5", ",5").replace(".25", ",25")


@pytest.mark.parametrize(
    "changed",
    [
        lambda s: "\ufeff" + s,
        lambda s: s.replace("\n", "\r\n"),
        lambda s: s + "\n,,,,,,,,,,,,,,,,\n",
        lambda s: s.replace(",", "\t"),
        commas,
        lambda s: "\n".join(line + ",note" for line in s.splitlines()),
    ],
)
def test_what_spreadsheets_make_of_it(tmp_path: Path, changed: Callable[[str], str]) -> None:
    votes = (VOTE, replace(FULL, response_ms=2.5))
    assert read(tmp_path, changed(text(*votes))) == votes


def test_columns_that_others_do_not_have(tmp_path: Path) -> None:
    header, row, _ = text(VOTE).split("\n")
    few = "\n".join(",".join(line.split(",")[:10]) for line in (header, row))
    assert read(tmp_path, few) == (VOTE,)


def test_practice_of_ours(tmp_path: Path) -> None:
    content = text(VOTE, FULL)
    assert [vote.practice for vote in read(tmp_path, content)] == [False, True]
    assert [vote.practice for vote in read(tmp_path, content, 1)] == [True, False]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: "", "it has no header"),
        (lambda s: s.split("\n")[0], "got no answer"),
        (lambda s: s.replace("answer", "reply", 1), "got no column answer, expected plan, "),
        (lambda s: s.replace("answer", "real", 1), "got column 'real' twice"),
        (lambda s: s.replace("right", "up"), "line 2, column answer: got 'up', expected left or"),
        (lambda s: s.replace("L1+cGAN,1,0", "L1+cGAN,0,0"), "column trial: got '0', expected a"),
        (lambda s: s.replace("L1+cGAN,1,0", "L1+cGAN,1e3,0"), "column trial: got '1e3'"),
        (lambda s: s.replace("L1+cGAN,1,0", "L1+cGAN,١,0"), "column trial: got '١'"),
        (lambda s: s.replace("L1+cGAN,1,0", "L1+cGAN,1,no"), "column practice: got 'no'"),
        (lambda s: s.replace("0.0", "nan"), "column order: got 'nan', expected a number from 0"),
        (lambda s: s.replace("0.0", "-1"), "column order: got '-1'"),
        (lambda s: s.replace("p1", ""), "column participant: got '', expected 1 to 1024"),
        (lambda s: s.replace("p1", "x" * 1025), "column participant: got 'xxxx"),
        (lambda s: s.replace("p1", '"a\nb"'), r"column participant: got 'a\nb'"),
        (lambda s: s.replace("p1", '"a'), "got no CSV file in UTF-8 (line 2: unexpected end"),
        (lambda s: s.replace("p1", "a,b"), "line 2: got 19 cells, expected 18 as in the header"),
        (lambda s: s + s.split("\n")[1], "trial 1 of session 's1' by 'p1' twice"),
        (lambda s: s.encode("utf-16"), "got no CSV file in UTF-8 (invalid start byte at byte 0)"),
        (lambda s: s.replace("p1", "a\0b"), r"column participant: got 'a\x00b'"),
        (lambda s: s.replace("p1", "x" * 200_000), "field larger than field limit"),
        (lambda s: "a,b\n1,2\n", "got no column plan, participant, session, algorithm, trial and"),
    ],
)  # fmt: skip
def test_refused(tmp_path: Path, change: Callable[[str], str | bytes], message: str) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, change(text(VOTE)))
    assert message in str(caught.value)
    assert "votes.csv" in str(caught.value) or "give each file once" in str(caught.value)


def test_over_100_megabytes(tmp_path: Path) -> None:
    path = tmp_path / "votes.csv"
    with path.open("wb") as file:
        file.write(text(VOTE).encode())
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(InputError, match="at most 100 MB; give the sessions in several files"):
        read_answers([path])


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such file"):
        read_answers([tmp_path / "votes.csv"])
    with pytest.raises(InputError, match="got no file of answers"):
        read_answers([])
    with pytest.raises(InputError, match="got practice -1"):
        read_answers([tmp_path], -1)


def test_several_files(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.csv", "b.csv")]
    write_votes(paths[0], [VOTE], PLAN)
    write_votes(paths[1], [replace(VOTE, participant="p2")], "1" * 64)
    answers = read_answers(paths)
    assert [vote.participant for vote in answers.votes] == ["p1", "p2"]
    assert answers.notes == ("note: the answers are to 2 plans",)


# Mechanical Turk


def batch(*rows: dict[str, str], trials: int = 2) -> str:
    """A batch of assignments that are as ``row`` unless it is said otherwise."""
    columns = ["AssignmentId", "WorkerId"]
    values = {"AssignmentId": "A1", "WorkerId": "W1"}
    for number in range(1, trials + 1):
        for column, value in (
            ("Input.gt_side", "left"),
            ("Input.images_left", f"https://host/gt/{number}.png?x=/y"),
            ("Input.images_right", f"https://host/L1/{number}.png"),
            ("Answer.selection", "left"),
        ):
            columns.append(f"{column}{number}")
            values[columns[-1]] = value
    columns = list(dict.fromkeys((*columns, *(column for row in rows for column in row))))
    lines = [columns, *([{**values, **row}.get(column, "") for column in columns] for row in rows)]
    return "\n".join(",".join(f'"{cell}"' for cell in line) for line in lines)


def test_batch(tmp_path: Path) -> None:
    swapped = {
        "AssignmentId": "A2",
        "Input.gt_side2": "right",
        "Input.images_left2": "L1/2",
        "Input.images_right2": "gt/2",
    }
    votes = read(tmp_path, batch({}, swapped), 1)
    assert [(v.session, v.trial, v.practice, v.fooled) for v in votes] == [
        ("A1", 1, True, True), ("A1", 2, False, True),
        ("A2", 1, True, True), ("A2", 2, False, False),
    ]  # fmt: skip
    assert {vote.algorithm for vote in votes} == {"L1"}
    assert [vote.order for vote in votes] == [0, 0, 1, 1]
    assert (votes[3].real_image, votes[3].fake_image) == ("gt/2", "L1/2")


def test_rejected_assignments_do_not_count_and_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "batch.csv"
    rows = [
        {"AssignmentId": f"A{number}", "AssignmentStatus": status}
        for number, status in enumerate(("Approved", "Rejected", "Submitted"))
    ]
    path.write_text(batch(*rows))
    answers = read_answers([path], 1)
    assert {vote.session for vote in answers.votes} == {"A0", "A2"}
    (line,) = [note for note in answers.notes if "rejected" in note]
    assert line.startswith("warning: answers left out:")
    path.write_text(batch(rows[1]))
    with pytest.raises(InputError, match="no assignment that was not rejected"):
        read_answers([path], 1)


@pytest.mark.parametrize("answer", ["", "unset", "{}"])
def test_unset_is_no_answer(tmp_path: Path, answer: str) -> None:
    votes = read(tmp_path, batch({"Answer.selection2": answer}), 0)
    assert [vote.answer for vote in votes] == ["left", None]


def test_one_algorithm_is_never_taken_for_the_real_one(tmp_path: Path) -> None:
    """Whatever the folders are called, and whichever comes first."""
    for real, fake in (("a", "b"), ("b", "a")):
        content = batch({}).replace("/gt/", f"/{real}/").replace("/L1/", f"/{fake}/")
        votes = read(tmp_path, content, 0)
        assert {vote.algorithm for vote in votes} == {fake}
        assert all(vote.fooled for vote in votes)


def test_times_of_a_batch(tmp_path: Path) -> None:
    times = ("Tue Nov 07 18:05:31 PST 2023", "Mon Nov 06 18:05:31 PST 2023")
    rows = [{"AssignmentId": f"A{i}", "AcceptTime": time} for i, time in enumerate(times)]
    path = tmp_path / "batch.csv"
    path.write_text(batch(*rows))
    answers = read_answers([path], 1)
    order = {vote.session: vote.order for vote in answers.votes}
    assert order["A0"] - order["A1"] == 24 * 3600
    assert answers.notes == ()


@pytest.mark.parametrize(
    ("content", "practice", "message"),
    [
        (batch({}), 2, "got 2 trials of practice and 2 trials in all"),
        (batch({}), None, "got 10 trials of practice and 2 trials in all"),
        (batch({"Input.gt_side1": "up"}), 0, "column Input.gt_side1: got 'up'"),
        (batch({"Answer.selection1": "up"}), 0, "column Answer.selection1: got 'up'"),
        (batch({"Input.images_right1": "x.png"}), 0, "got image 'x.png', expected <algorithm>"),
        (batch({"Input.gt_side2": "right"}), 0, "got 'gt' as the real image, which is the fake"),
        (batch({}, {}), 0, "twice, expected it once"),
        (batch({"AcceptTime": "7.11."}), 0, "column AcceptTime: got '7.11.', expected a time as"),
        (batch({"AcceptTime": "Tue Foo 07 18:05:31 PST 2023"}), 0, "expected a time as"),
        (batch({}).split("\n")[0], 0, "got no assignment"),
        (batch({}).replace("WorkerId", "Who"), 0, "got no column WorkerId"),
        (batch({}).replace("selection2", "choice2"), 0, "got no column Answer.selection2"),
    ],
)
def test_batch_refused(tmp_path: Path, content: str, practice: int | None, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, content, practice)
    assert message in str(caught.value)


def test_a_real_batch(golden: Path) -> None:
    answers = read_answers([golden / "study/mturk_batch_results.csv"], 20)
    expected = json.loads((golden / "study/mturk_batch_results_expected.json").read_bytes())
    votes = [vote for vote in answers.votes if not vote.practice]
    trials = Counter(vote.algorithm for vote in votes)
    fooled = Counter(vote.algorithm for vote in votes if vote.fooled)
    assert len({vote.session for vote in votes}) == expected.pop("_assignments")
    assert len({vote.participant for vote in votes}) == expected.pop("_workers")
    assert {name: (trials[name], fooled[name]) for name in trials} == {
        name: (entry["trials"], entry["fooled"]) for name, entry in expected.items()
    }
    assert "has no AcceptTime" in answers.notes[0]


def test_columns_are_all_of_a_vote() -> None:
    assert len(set(COLUMNS)) == len(COLUMNS)
    header = next(iter(votes_csv([], PLAN)))
    assert header == ",".join(COLUMNS) + "\n"

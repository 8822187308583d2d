"""Batch results of Mechanical Turk become votes; what breaks a rule is refused and named."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "helpers"))

from small_study import PRACTICE, TRIALS, form, records, study

from p2p_eval.errors import InputError
from p2p_eval.study.csv_rows import read_rows
from p2p_eval.study.mturk_results import is_mturk_results, parse_mturk_results
from p2p_eval.study.mturk_time import mturk_time
from p2p_eval.study.page_answers import Collected
from p2p_eval.study.plan import Plan

Write = Callable[..., Path]


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return study(tmp_path_factory.mktemp("results") / "study")


def rows_of(plan: Plan) -> list[dict[str, str]]:
    """Each session taken by a person of its own, who always says left."""
    return [
        {
            "HITId": f"H{place}",
            "AssignmentId": f"A{place}",
            "WorkerId": f"W{place}",
            "AssignmentStatus": "Submitted",
            "SubmitTime": f"Fri Nov 27 10:0{place}:00 PST 2026",
            "Input.session": session.id,
            **{f"Answer.{name}": value for name, value in form(plan, session).items()},
        }
        for place, session in enumerate(plan.sessions)
    ]


def write(
    path: Path,
    rows: list[dict[str, str]],
    encoding: str = "utf-8",
    delimiter: str = ",",
    columns: list[str] | None = None,
) -> Path:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(
        text, columns or list(rows[0]), delimiter=delimiter, extrasaction="ignore"
    )
    writer.writeheader()
    writer.writerows(rows)
    path.write_bytes(text.getvalue().encode(encoding))
    return path


def read(tmp_path: Path, plan: Plan, rows: list[dict[str, str]], **options: Any) -> Collected:
    return parse_mturk_results(read_rows(write(tmp_path / "results.csv", rows, **options)), plan)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_votes_are_what_plan_and_answers_say(
    tmp_path: Path, plan: Plan, encoding: str, delimiter: str
) -> None:
    found = read(tmp_path, plan, rows_of(plan), encoding=encoding, delimiter=delimiter)
    assert found.refused == ()
    assert len(found.votes) == len(plan.sessions) * (PRACTICE + TRIALS)
    assert [vote.fooled for vote in found.votes] == [
        trial.real == "left" for session in plan.sessions for trial in session.trials
    ]
    for vote in found.votes:
        assert vote.practice == (vote.trial <= PRACTICE)
        assert vote.real_image.startswith(f"{vote.algorithm}/target/")
        assert vote.fake_image.startswith(f"{vote.algorithm}/output/")
        assert vote.shown_ms == (1000.2, 1000.2)
    assert len({vote.participant for vote in found.votes}) == len(plan.sessions)
    assert not any(vote.participant.startswith("W") for vote in found.votes)


def test_the_first_to_submit_is_first_across_zones(tmp_path: Path, plan: Plan) -> None:
    rows = rows_of(plan)[:3]
    rows[0]["SubmitTime"] = "Sun Nov 01 01:30:00 PST 2026"  # an hour after the next
    rows[1]["SubmitTime"] = "Sun Nov 01 01:30:00 PDT 2026"
    rows[2]["SubmitTime"] = "Sun Nov 01 09:00:00 UTC 2026"
    found = read(tmp_path, plan, rows)
    order = {vote.session: vote.order for vote in found.votes}
    assert order["A0"] - order["A1"] == 3600
    assert order["A2"] - order["A1"] == 1800


def test_without_times_rows_are_in_order(tmp_path: Path, plan: Plan) -> None:
    rows = rows_of(plan)
    columns = [name for name in rows[0] if name not in ("SubmitTime", "Input.session")]
    found = read(tmp_path, plan, rows, columns=columns)
    assert [vote.order for vote in found.votes][:: PRACTICE + TRIALS] == [0, 1, 2, 3]


def test_times_are_written_as_they_are_read(tmp_path: Path, plan: Plan) -> None:
    moment = datetime(2026, 2, 1, 23, 59, 59, tzinfo=timezone(timedelta(hours=-8)))
    assert mturk_time(moment) == "Mon Feb 02 07:59:59 UTC 2026"
    rows = rows_of(plan)[:1]
    rows[0]["SubmitTime"] = mturk_time(moment)
    assert read(tmp_path, plan, rows).votes[0].order == moment.astimezone(UTC).timestamp()


def spoiled(plan: Plan, **changes: Any) -> str:
    answers = records(plan.sessions[1])
    answers[3].update(changes)
    return json.dumps(answers)


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("Answer.session", "f" * 32, "another session than the one that was assigned"),
        ("Answer.plan", "0" * 64, "plan '0000"),
        ("Answer.answers", "", "no JSON"),
        ("Answer.answers", "=cmd()", "no JSON"),
        ("Answer.answers", "{}", "expected a list of 1 to 6"),
        ("Answer.answers", "[]", "expected a list of 1 to 6"),
        ("Answer.answers", "[NaN]", "it holds NaN"),
        ("Answer.answers", "[" * 100_000, "no JSON"),
        ("Answer.answers", "[" + "9" * 5000 + "]", "no JSON"),
        ("Answer.answers", "[1]", "answer 1: expected that of trial 1"),
        ("AssignmentId", "A0", "for the second time"),
        ("AssignmentId", "", "no WorkerId or AssignmentId"),
        ("WorkerId", "", "no WorkerId or AssignmentId"),
        ("AssignmentStatus", "Rejected", "the assignment was rejected"),
        ("SubmitTime", "yesterday", "SubmitTime 'yesterday'"),
        ("SubmitTime", "Fri Feb 31 10:00:00 PST 2026", "day is out of range"),
    ],
)
def test_a_row_that_breaks_a_rule_is_refused_alone(
    tmp_path: Path, plan: Plan, column: str, value: str, reason: str
) -> None:
    rows = rows_of(plan)
    rows[1][column] = value
    found = read(tmp_path, plan, rows)
    assert len(found.votes) == (len(plan.sessions) - 1) * (PRACTICE + TRIALS)
    assert "A1" not in {vote.session for vote in found.votes}
    (line,) = found.refused
    assert "results.csv, line 3: " in line
    assert reason in line


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"trial": 5}, "answer 4: expected that of trial 4"),
        ({"answer": "both"}, "answer 4: answer: got 'both'"),
        ({"answer": None}, "answer 4: answer: got None"),
        ({"response_ms": -1}, "response_ms: got -1"),
        ({"response_ms": 1e300}, "response_ms: got 1e+300"),
        ({"response_ms": True}, "response_ms: got True"),
        ({"response_ms": "1"}, "response_ms: got '1'"),
        ({"shown_ms": [1000]}, "shown_ms: got list"),
        ({"shown_ms": [1000, "x" * 1000]}, "shown_ms: got 'xxx"),
        ({"dropped_frames": 0.5}, "dropped_frames: got 0.5"),
        ({"dropped_frames": 10**9}, "dropped_frames: got 1000000000"),
        ({"lost_focus": 1}, "lost_focus: got 1"),
        ({"seen_before": -1}, "seen_before: got -1"),
    ],
)
def test_an_answer_out_of_range_refuses_its_session(
    tmp_path: Path, plan: Plan, changes: dict[str, Any], reason: str
) -> None:
    rows = rows_of(plan)
    rows[1]["Answer.answers"] = spoiled(plan, **changes)
    (line,) = read(tmp_path, plan, rows).refused
    assert reason in line
    assert len(line) < 200


def test_what_a_page_did_not_measure_is_unknown(tmp_path: Path, plan: Plan) -> None:
    rows = rows_of(plan)
    nothing = dict.fromkeys(
        ("response_ms", "shown_ms", "dropped_frames", "lost_focus", "seen_before")
    )
    rows[1]["Answer.answers"] = spoiled(plan, **nothing)
    found = read(tmp_path, plan, rows)
    assert found.refused == ()
    vote = next(vote for vote in found.votes if vote.session == "A1" and vote.trial == 4)
    assert (vote.response_ms, vote.shown_ms, vote.dropped_frames, vote.lost_focus) == (None,) * 4
    assert vote.seen_before is None


def test_a_session_of_the_plan_that_was_assigned_to_another_is_refused(
    tmp_path: Path, plan: Plan
) -> None:
    rows = rows_of(plan)
    rows[1] |= {f"Answer.{k}": v for k, v in form(plan, plan.sessions[0]).items()}
    (line,) = read(tmp_path, plan, rows).refused
    assert "another session than the one that was assigned" in line


def test_another_study_is_refused_as_a_whole(tmp_path: Path, plan: Plan) -> None:
    other = study(tmp_path / "other", seed=5)
    with pytest.raises(InputError, match="give --plan the folder of the study"):
        read(tmp_path, other, rows_of(plan))


@pytest.mark.parametrize("column", ["WorkerId", "AssignmentId"])
def test_a_missing_column_is_named(tmp_path: Path, plan: Plan, column: str) -> None:
    rows = rows_of(plan)
    columns = [name for name in rows[0] if name != column]
    with pytest.raises(InputError, match=f"got no column {column}, expected"):
        read(tmp_path, plan, rows, columns=columns)


def test_files_of_others_are_told_apart(tmp_path: Path, plan: Plan) -> None:
    rows = rows_of(plan)
    assert is_mturk_results(read_rows(write(tmp_path / "ours.csv", rows)))
    columns = [name for name in rows[0] if name != "Answer.plan"]
    assert not is_mturk_results(read_rows(write(tmp_path / "others.csv", rows, columns=columns)))


def test_a_file_without_rows_is_refused(tmp_path: Path, plan: Plan) -> None:
    with pytest.raises(InputError, match="got no answers"):
        read(tmp_path, plan, [], columns=list(rows_of(plan)[0]))

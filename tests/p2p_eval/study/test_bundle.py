"""What a static bundle holds, and the votes of the files that come back."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "helpers"))

from small_study import PRACTICE, TRIALS, records, study

from p2p_eval.errors import InputError
from p2p_eval.study.bundle import export_bundle
from p2p_eval.study.bundle_answers import MAX_BYTES, read_bundle_answers
from p2p_eval.study.plan import Plan

POST = "https://answers.example.org/collect"


@pytest.fixture(scope="module")
def designed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Plan]:
    folder = tmp_path_factory.mktemp("bundle") / "study"
    return folder, study(folder)


@pytest.fixture(scope="module")
def site(designed: tuple[Path, Plan], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("exported")
    export_bundle(*designed, out, post=POST)
    return out / "site"


def test_a_session_says_which_is_real_in_practice_only(
    site: Path, designed: tuple[Path, Plan]
) -> None:
    for session in designed[1].sessions:
        document = json.loads((site / "sessions" / f"{session.id}.json").read_text())
        assert document == {
            "milliseconds": 40,
            "trials": [{"left": trial.left, "right": trial.right} for trial in session.trials],
            "real": [trial.real for trial in session.trials[:PRACTICE]],
        }


def test_nothing_of_the_site_names_an_algorithm(site: Path) -> None:
    for path in site.rglob("*"):
        if path.is_file() and path.suffix != ".png":
            assert "L1" not in path.read_text()
            assert "cGAN" not in path.read_text()
    assert not list(site.rglob("plan.json"))


def test_all_sessions_are_listed_and_linked(site: Path, designed: tuple[Path, Plan]) -> None:
    ids = [session.id for session in designed[1].sessions]
    assert json.loads((site / "study.json").read_text()) == {
        "plan": designed[1].hash,
        "post": POST,
        "sessions": ids,
    }
    assert (site.parent / "links.txt").read_text().split() == [f"?session={id_}" for id_ in ids]


def test_the_policy_lets_nothing_out_but_answers(
    site: Path, designed: tuple[Path, Plan], tmp_path: Path
) -> None:
    def policy(page: Path) -> str:
        found = re.search(r'Content-Security-Policy" content="([^"]*)"', page.read_text())
        assert found is not None
        return found[1].replace("&#39;", "'")

    assert "connect-src 'self' https://answers.example.org;" in policy(site / "index.html")
    export_bundle(*designed, tmp_path)
    assert policy(tmp_path / "site" / "index.html").startswith("default-src 'none'; ")
    assert "connect-src 'self';" in policy(tmp_path / "site" / "index.html")
    assert "unsafe" not in policy(site / "index.html")


@pytest.mark.parametrize("post", ["http://example.org/", "https://a.org/;script-src *", "ftp://a"])
def test_a_post_address_that_is_none_is_refused(
    designed: tuple[Path, Plan], tmp_path: Path, post: str
) -> None:
    with pytest.raises(InputError, match="--post"):
        export_bundle(*designed, tmp_path / "out", post=post)
    assert not (tmp_path / "out").exists()


def answers(plan: Plan, /, place: int = 0, person: str = "P1", **changes: Any) -> dict[str, Any]:
    return {
        "schema": "p2p-eval/study-answers/1",
        "plan": plan.hash,
        "session": plan.sessions[place].id,
        "participant": person,
        "started": 1_795_790_000_000,
        "answers": records(plan.sessions[place]),
        **changes,
    }


def put(folder: Path, *documents: Any) -> Path:
    folder.mkdir()
    for number, document in enumerate(documents):
        (folder / f"{number}.json").write_text(json.dumps(document))
    return folder


def test_files_become_votes(designed: tuple[Path, Plan], tmp_path: Path) -> None:
    plan = designed[1]
    later = 1_795_790_001_500
    folder = put(
        tmp_path / "answers",
        answers(plan, 0),
        answers(plan, 1, started=later),
        answers(plan, 2, "P2"),
    )
    found = read_bundle_answers(folder, plan)
    assert found.refused == ()
    assert len(found.votes) == 3 * (PRACTICE + TRIALS)
    assert len({vote.participant for vote in found.votes}) == 2
    assert [vote.algorithm for vote in found.votes[:: PRACTICE + TRIALS]] == ["L1", "L1+cGAN", "L1"]
    first, second = (found.votes[place].order for place in (0, PRACTICE + TRIALS))
    assert second - first == 1.5
    assert read_bundle_answers(folder / "0.json", plan).votes == found.votes[: PRACTICE + TRIALS]


def test_the_same_answers_twice_count_once(designed: tuple[Path, Plan], tmp_path: Path) -> None:
    plan = designed[1]
    found = read_bundle_answers(put(tmp_path / "answers", answers(plan), answers(plan)), plan)
    assert len(found.votes) == PRACTICE + TRIALS
    assert found.refused == ("1.json: the same session as in 0.json",)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"schema": "other"}, "schema 'other'"),
        ({"plan": "0" * 64}, "plan '000"),
        ({"plan": 7}, "plan 7"),
        ({"session": "../../etc/passwd"}, "none of the plan's"),
        ({"session": ["x"]}, "session list is none"),
        ({"participant": ""}, "participant"),
        ({"participant": "x" * 129}, "participant"),
        ({"participant": 1}, "participant"),
        ({"participant": "\ud800"}, r"participant '\ud800' is no Unicode text"),
        ({"started": -1}, "started"),
        ({"started": 10**30}, "started"),
        ({"started": True}, "started"),
        ({"answers": []}, "expected a list of 1 to 6"),
        ({"answers": "[]"}, "expected a list of 1 to 6"),
        ({"answers": [{"trial": 2, "answer": "left"}]}, "expected that of trial 1"),
    ],
)
def test_a_file_that_breaks_a_rule_is_refused_alone(
    designed: tuple[Path, Plan], tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    plan = designed[1]
    folder = put(tmp_path / "answers", answers(plan), answers(plan, 1, "P2", **changes))
    found = read_bundle_answers(folder, plan)
    assert len(found.votes) == PRACTICE + TRIALS
    (line,) = found.refused
    assert line.startswith("1.json: ")
    assert reason in line


def test_files_that_are_no_answers_are_named(designed: tuple[Path, Plan], tmp_path: Path) -> None:
    plan = designed[1]
    folder = put(tmp_path / "answers", answers(plan), [1])
    (folder / "2.json").write_bytes(b"\xff\xfe")
    (folder / "3.json").write_text("[" * 100_000)
    (folder / "4.json").mkdir()
    with (folder / "5.json").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    (folder / "6.json").symlink_to(tmp_path / "nowhere")
    found = read_bundle_answers(folder, plan)
    assert [line.split(":")[0] for line in found.refused] == [f"{n}.json" for n in range(1, 7)]


def test_a_folder_without_answers_is_refused(designed: tuple[Path, Plan], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"got 0 \.json files"):
        read_bundle_answers(tmp_path, designed[1])
    folder = put(tmp_path / "answers", answers(designed[1], plan="0" * 64))
    with pytest.raises(InputError, match="none of which holds answers to plan"):
        read_bundle_answers(folder, designed[1])
    with pytest.raises(InputError, match="cannot be read"):
        read_bundle_answers(tmp_path / "none", designed[1])

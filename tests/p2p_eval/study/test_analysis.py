"""From answers to the paper's figure, its doubts, and who was left out."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from p2p_eval.errors import InputError
from p2p_eval.scores.signature import Signature
from p2p_eval.study.analysis import FILE, analyze, analyze_files
from p2p_eval.study.bootstrap import people_interval
from p2p_eval.study.exclusions import RULES
from p2p_eval.study.simulate import Crowd, made_up_sessions, simulate
from p2p_eval.study.votes import Vote, write_votes
from p2p_eval.tables.fill import fill_tables
from p2p_eval.tables.filled import OurFigure


def session(
    participant: str,
    fooled: Sequence[bool | None],
    *,
    name: str = "1",
    algorithm: str = "L1",
    practice: int = 0,
    order: float = 0,
    ms: float | None = 700,
    trials: int | None = None,
) -> list[Vote]:
    """A session whose real images are on the left and on the right in turn."""
    votes = []
    for number, wrong in enumerate(fooled, 1):
        real, other = ("left", "right") if number % 2 else ("right", "left")
        votes.append(
            Vote(
                participant, f"{participant}-{name}", algorithm, number, number <= practice,
                real, None if wrong is None else real if wrong else other,  # type: ignore[arg-type]
                f"{algorithm}/target/{number}.png", f"{algorithm}/output/{number}.png",
                order=order, response_ms=ms, trials=trials,
            )
        )  # fmt: skip
    return votes


def half(count: int = 12) -> list[bool]:
    return [number % 4 < 2 for number in range(count)]


def study(rates: dict[str, float], people: int = 30, seed: int = 0) -> list[Vote]:
    crowds = {name: Crowd(rate) for name, rate in rates.items()}
    sessions = made_up_sessions(list(rates), people, seed=seed)
    return list(simulate(sessions, crowds, practice=10, seed=seed))


def test_figures() -> None:
    votes = session("a", half()) + session("b", [True] + [False] * 11) + session("c", half())
    (entry,) = analyze(votes, draws=4000).algorithms
    assert (entry.fooled, entry.trials, entry.participants, entry.unset) == (13, 36, 3, 0)
    assert entry.labelled_real_pct == pytest.approx(100 * 13 / 36)
    ends = people_interval(np.array([6, 1, 6]), np.array([12, 12, 12]))
    assert (entry.low, entry.high) == pytest.approx([100 * end for end in ends])
    rates = np.array([6, 1, 6]) / 12
    expected = math.sqrt((rates.var() + (rates * (1 - rates)).mean() / 12) / 3)
    assert entry.std == pytest.approx(100 * expected, rel=0.05)
    assert (entry.side.a, entry.side.b) == pytest.approx((100 * 7 / 18, 100 * 6 / 18))
    assert (entry.time.a, entry.time.b) == pytest.approx((100 * 4 / 18, 100 * 9 / 18))
    images = {image.image: (image.fooled, image.trials) for image in entry.images}
    assert images["L1/output/1.png"] == (3, 3)
    assert entry.images[0].image == "L1/output/1.png"
    assert len(images) == 12
    assert entry.images[-1].fooled == 0


def test_practice_and_unset_do_not_count() -> None:
    votes = session("a", [True, True, *half(), None], practice=2)
    votes += session("b", [True, True, *half(), False], practice=2)
    report = analyze(votes)
    (entry,) = report.algorithms
    assert (entry.fooled, entry.trials, entry.unset) == (12, 25, 1)
    assert "note: L1: trials without an answer, which are left out: 1" in report.notes
    assert report.excluded == ()


def test_lost_focus_is_said() -> None:
    votes = session("a", half()) + session("b", [True, *half(11)])
    votes[3] = replace(votes[3], lost_focus=True)
    report = analyze(votes)
    assert report.notes == ("note: L1: the window lost the focus in 1 of 24 trials, which count",)


def test_pairs_that_were_shown_again_are_said() -> None:
    votes = session("a", half()) + session("b", [True, *half(11)])
    votes[3] = replace(votes[3], seen_before=2)
    (note,) = analyze(votes).notes
    assert note == (
        "note: L1: the pair had been shown before, as before a reload, in 1 of 24 trials, which "
        "count"
    )


def test_first_session_of_a_person() -> None:
    votes = session("a", half(), name="late", order=5) + session("a", half(), name="early", order=1)
    votes += session("b", half()) + session("c", half(), algorithm="cGAN")
    votes += session("b", half(), algorithm="cGAN", name="2", order=9)
    report = analyze(votes)
    assert [(e.session, e.rules) for e in report.excluded] == [
        ("a-late", ("took part before",)), ("b-2", ("took part before",)),
    ]  # fmt: skip
    assert [entry.trials for entry in report.algorithms] == [24, 12]
    everyone = analyze(votes, participants="all")
    assert everyone.excluded == ()
    assert [(e.name, e.trials, e.participants) for e in everyone.algorithms] == [
        ("L1", 36, 2), ("cGAN", 24, 2),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("odd", "rules"),
    [
        (session("x", half()[:-1]), ("incomplete",)),
        (session("x", half(), trials=13), ("incomplete",)),
        (session("x", [None] * 12), ("incomplete",)),
        (session("x", half(), ms=199.9), ("too fast",)),
        (session("x", half(), ms=200), ()),
        (session("x", half(), ms=None), ()),
        (session("x", [False, True] * 6), ("one side",)),
        (session("x", [False, True] * 4 + [None] * 4), ()),
        (session("x", [False, True] * 6, ms=50), ("too fast", "one side")),
        (session("x", [True, False] * 6, practice=4), ()),
        (
            [replace(v, response_ms=10.0 if v.trial <= 6 else 500.0) for v in session("x", half())],
            (),
        ),
        (
            [replace(v, response_ms=10.0 if v.trial <= 7 else 500.0) for v in session("x", half())],
            ("too fast",),
        ),
    ],
)
def test_rules(odd: list[Vote], rules: tuple[str, ...]) -> None:
    votes = session("a", half()) + session("b", half()) + odd
    report = analyze(votes, draws=10)
    assert [(entry.participant, entry.rules) for entry in report.excluded] == (
        [("x", rules)] if rules else []
    )
    assert report.algorithms[0].participants == (2 if rules else 3)
    assert set(rules) <= RULES.keys()
    for line in report.left_out:
        assert line.startswith("session x-1 of x (L1, ")
        assert line.endswith(": " + ", ".join(rules))


def test_neither_order_nor_other_algorithms_matter() -> None:
    votes = study({"L1": 0.1, "cGAN": 0.2, "L1+cGAN": 0.25})
    whole = analyze(votes, draws=500)
    shuffled = [votes[place] for place in np.random.default_rng(0).permutation(len(votes))]
    assert analyze(shuffled, draws=500) == whole
    without = analyze([v for v in votes if v.algorithm != "cGAN"], draws=500)
    assert without.algorithms == whole.algorithms[:2]
    key = ("L1", "L1+cGAN")
    assert without.differences == {key: whole.differences[key]}
    assert analyze(votes, draws=500, seed=1).algorithms[0].std != whole.algorithms[0].std


def test_differences() -> None:
    votes = study({"a": 0.1, "b": 0.3, "c": 0.3}, people=40)
    report = analyze(votes)
    apart, same = report.differences["a", "b"], report.differences["b", "c"]
    rates = {entry.name: entry.labelled_real_pct for entry in report.algorithms}
    assert apart.difference == pytest.approx(rates["a"] - rates["b"])
    assert apart.low < apart.difference < apart.high < 0
    assert apart.p < 0.001
    assert same.low < 0 < same.high
    assert same.p > 0.05
    a, b = report.algorithms[:2]
    width = 2 * 1.96 * math.hypot(a.std, b.std)  # independent people
    assert apart.high - apart.low == pytest.approx(width, rel=0.05)


def test_people_who_judged_both_are_drawn_with_both() -> None:
    """Who is fooled often is so by both: the difference is surer than of other people."""
    votes = []
    for number in range(20):
        often = [place < number for place in range(20)]
        more = [place < min(20, number + 3) for place in range(20)]
        votes += session(f"p{number}", often, algorithm="a")
        votes += session(f"p{number}", more, algorithm="b", name="2", order=1)
    both = analyze(votes, participants="all").differences["a", "b"]
    apart = analyze([
        replace(vote, participant=vote.session) for vote in votes
    ]).differences["a", "b"]  # fmt: skip
    assert both.high - both.low < 0.6 * (apart.high - apart.low)
    assert both.p < 0.01 < apart.p


def test_one_participant() -> None:
    report = analyze(session("a", half()) + session("b", half(), algorithm="cGAN"))
    document = report.to_json()
    entry = document["algorithms"][1]
    assert (entry["labelled_real_pct"], entry["bootstrap_std"]) == (50, None)
    assert entry["ci95"] == [None, None]
    assert entry["side"]["difference"] is not None
    assert entry["side"]["ci95"] == [None, None]
    assert document["differences"][0]["p"] is None
    assert report.warnings[1].startswith("warning: cGAN: one participant")


def test_nobody_saw_both_sides() -> None:
    one = {name: session(name, [number % 2 == 0]) for number, name in enumerate("abcd")}
    right = [replace(vote, real="right", answer="left") for name in "cd" for vote in one[name]]
    (entry,) = analyze([*one["a"], *one["b"], *right]).to_json()["algorithms"]
    assert (entry["side"]["real_left_pct"], entry["side"]["real_right_pct"]) == (50, 0)
    assert entry["side"]["ci95"] == [0, 100]


def test_nobody_is_fooled() -> None:
    votes = session("a", [False] * 12) + session("b", [False] * 12)
    report = analyze(votes)
    (entry,) = report.to_json()["algorithms"]
    assert (entry["labelled_real_pct"], entry["bootstrap_std"]) == (0, 0)
    assert entry["ci95"] == [None, None]
    assert any('no answer was "real"' in note for note in report.notes)


def test_all_are_fooled_as_often() -> None:
    report = analyze(session("a", half()) + session("b", half()))
    assert report.to_json()["algorithms"][0]["ci95"] == [None, None]
    assert "note: L1: all 2 participants have the same rate, so that there is no interval" in (
        report.notes
    )


def test_nothing_counts() -> None:
    with pytest.raises(InputError, match="got 24 answers in 2 sessions, none of which counts"):
        analyze(session("a", half(), ms=1) + session("b", half(), practice=12))
    report = analyze(session("a", half(), ms=1) + session("b", half(), algorithm="cGAN"))
    assert [entry.name for entry in report.algorithms] == ["cGAN"]
    assert "warning: L1: no answer counts" in report.notes


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"draws": 0}, "got draws 0"),
        ({"seed": -1}, "got seed -1"),
        ({"participants": "some"}, "got participants 'some', expected first or all"),
    ],
)
def test_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        analyze(session("a", half()), **options)  # type: ignore[arg-type]


def test_a_second_for_100_people() -> None:
    votes = study({"a": 0.2}, people=100)
    analyze(votes[:500], draws=10)  # what is imported late
    start = time.process_time()
    analyze(votes)
    assert time.process_time() - start < 1


def test_a_real_batch(golden: Path, tmp_path: Path) -> None:
    """Every rate of the batch, with all sessions; and whom the rules leave out."""
    path = golden / "study/mturk_batch_results.csv"
    expected = json.loads((golden / "study/mturk_batch_results_expected.json").read_bytes())
    analyze_files([path], practice=20, participants="all", out=tmp_path)
    document = json.loads((tmp_path / FILE).read_bytes())
    for entry in document["algorithms"]:
        want = expected[entry["name"]]
        assert (entry["trials"], entry["fooled"]) == (want["trials"], want["fooled"])
        assert entry["labelled_real_pct"] == want["pct"]
        assert entry["unset"] == 0
    assert len(document["algorithms"]) == 4
    assert document["excluded"] == []
    first = analyze_files([path], practice=20, out=tmp_path)
    assert sum(entry.participants for entry in first.algorithms) == expected["_workers"]
    assert len(first.excluded) == expected["_assignments"] - expected["_workers"]
    assert {entry.rules for entry in first.excluded} == {("took part before",)}


def test_tables_4_and_5_are_filled(tmp_path: Path) -> None:
    rates = {
        "photo2map-L1": 0.03, "photo2map-L1+cGAN": 0.06, "map2photo-L1": 0.05,
        "map2photo-L1+cGAN": 0.19, "L2-regression": 0.16, "Zhang-2016": 0.28, "pix2pix": 0.22,
    }  # fmt: skip
    crowds = {name: Crowd(rate, 0.05) for name, rate in rates.items()}
    answers = simulate(made_up_sessions(list(rates), 8, seed=0), crowds, practice=10, seed=0)
    write_votes(tmp_path / "votes.csv", answers, "0" * 64)
    report = analyze_files([tmp_path / "votes.csv"], out=tmp_path / "out", draws=200)
    filled = fill_tables(tmp_path / "out", ["4", "5"])
    shown = {}
    for table in filled.tables:
        for row in table.rows:
            for measured in row.measured:
                assert measured is not None
                shown[measured.experiments] = measured.figures["labelled_real_pct"]
    assert shown == {
        (entry.name,): OurFigure(entry.labelled_real_pct, entry.low, entry.high, entry.std)
        for entry in report.algorithms
    }
    assert Signature.parse(report.algorithms[0].signature).metric == "real-vs-fake"

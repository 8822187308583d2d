"""Simulated people answer at the rate that is asked for, and the analysis finds it again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from study_results import pairs

from p2p_eval.errors import InputError
from p2p_eval.study.analysis import analyze
from p2p_eval.study.design import design
from p2p_eval.study.plan import Side
from p2p_eval.study.simulate import Crowd, made_up_sessions, simulate, simulate_plan


@pytest.mark.parametrize("crowd", [Crowd(0.06, 0.05), Crowd(0.3, 0.15, lapse=0.2), Crowd(0.2, 0)])
def test_the_rate_is_found_again(crowd: Crowd) -> None:
    sessions = made_up_sessions(["x"], 300, seed=1)
    report = analyze(list(simulate(sessions, {"x": crowd}, practice=10, seed=3)), draws=200)
    (entry,) = report.algorithms
    assert entry.participants > 290
    assert abs(entry.labelled_real_pct / 100 - crowd.fooled) < 4 * entry.std / 100
    assert abs(entry.side.difference) < 4
    assert abs(entry.time.difference) < 4


def test_people_differ_as_asked() -> None:
    people = [Crowd(0.2, 0.1).person((0, number)) for number in range(4000)]
    rates = np.array([person.rate for person in people])
    assert rates.mean() == pytest.approx(0.2, abs=0.006)
    assert rates.std() == pytest.approx(0.1, abs=0.006)
    alike = {Crowd(0.2, 0).person((0, number)).rate for number in range(10)}
    assert alike == {0.2}


@pytest.mark.parametrize("real", ["left", "right"])
def test_answers_of_a_person(real: Side) -> None:
    person = Crowd(0.3, 0).person((1,))
    answers = [person.answer(real) for _ in range(4000)]
    assert np.mean([side == real for side, _ in answers]) == pytest.approx(0.3, abs=0.03)
    times = np.array([time for _, time in answers])
    assert np.median(times) == pytest.approx(person.median_ms, rel=0.05)
    assert times.min() > 0
    assert times.std() > 100


def test_a_lapse_is_a_coin() -> None:
    person = Crowd(0.0, 0, lapse=1.0).person((2,))
    assert np.mean([person.answer("left")[0] == "left" for _ in range(4000)]) == pytest.approx(
        0.5, abs=0.04
    )


def test_a_plan(tmp_path: Path) -> None:
    found = pairs(tmp_path, "L1", "cGAN", count=9)
    plan = design(found, trials=6, practice=2, sessions_per_algorithm=3, seed=0)
    crowds = {"L1": Crowd(0.0, 0), "cGAN": Crowd(1.0, 0)}
    votes = list(simulate_plan(plan, crowds, seed=0))
    assert votes == list(simulate_plan(plan, crowds, seed=0))
    assert len(votes) == 6 * 8
    for vote in votes:
        assert vote.fooled == (vote.algorithm == "cGAN")
        assert vote.practice == (vote.trial <= 2)
        assert vote.real_image.startswith(f"{vote.algorithm}/target/")
        assert vote.fake_image.startswith(f"{vote.algorithm}/output/")
        assert vote.trials == 8
    with pytest.raises(InputError, match="got no rate for 'cGAN'"):
        list(simulate_plan(plan, {"L1": Crowd(0.1)}, seed=0))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"rate": 1.5}, "got rate 1.5"),
        ({"rate": float("nan")}, "got rate nan"),
        ({"rate": 0.2, "lapse": -0.1}, "got lapse -0.1"),
        ({"rate": 0.2, "spread": 0.4}, "got spread 0.4, expected 0 or more"),
        ({"rate": 0.2, "spread": -0.1}, "got spread -0.1"),
    ],
)
def test_refused(values: dict[str, float], message: str) -> None:
    with pytest.raises(InputError) as caught:
        Crowd(**values)
    assert message in str(caught.value)


@pytest.mark.parametrize("values", [{"people": 0}, {"trials": 0}, {"practice": -1}, {"seed": -1}])
def test_sessions_refused(values: dict[str, int]) -> None:
    numbers = {"people": 2, "trials": 4, "practice": 1, "seed": 0, **values}
    with pytest.raises(InputError, match="got "):
        made_up_sessions(["x"], numbers.pop("people"), **numbers)

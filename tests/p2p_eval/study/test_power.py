"""How many people, and what is refused."""

from __future__ import annotations

import pytest

from p2p_eval.errors import InputError
from p2p_eval.study.power import half_width, people_needed


@pytest.mark.parametrize("width", [0.005, 0.03, 0.2])
def test_fewest_people(width: float) -> None:
    people = people_needed(width, rate=0.19, trials=40, spread=0.1)
    assert half_width(people, rate=0.19, trials=40, spread=0.1) <= width
    assert people == 2 or half_width(people - 1, rate=0.19, trials=40, spread=0.1) > width


def test_more_trials_help_only_as_far_as_people_are_alike() -> None:
    assert half_width(50, rate=0.2, trials=10**9, spread=0) < 1e-4
    assert half_width(50, rate=0.2, trials=10**9, spread=0.1) == pytest.approx(0.0284, abs=1e-4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rate": 0.0}, "got rate 0.0"),
        ({"rate": float("nan")}, "got rate nan"),
        ({"trials": 0}, "got 0 trials"),
        ({"spread": 0.4}, "got spread 0.4, expected 0 or more and, for rate 0.2, less than 0.4"),
        ({"width": 0.0}, "got half-width 0.0"),
        ({"width": 1e-9}, "over 1000000 people"),
    ],
)
def test_refused(change: dict[str, float], message: str) -> None:
    values = {"width": 0.05, "rate": 0.2, "trials": 40, "spread": 0.1, **change}
    with pytest.raises(InputError) as caught:
        people_needed(
            values["width"],
            rate=values["rate"],
            trials=int(values["trials"]),
            spread=values["spread"],
        )
    assert message in str(caught.value)
    with pytest.raises(InputError, match="got 1 people"):
        half_width(1, rate=0.2, trials=40, spread=0.1)

"""What every drawn plan must have, whatever it is drawn from."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from study_results import pairs

from p2p_eval.errors import InputError
from p2p_eval.results.images import read_rgb
from p2p_eval.scoring.pairs import Pairs
from p2p_eval.study.design import design
from p2p_eval.study.images import encode, write_study
from p2p_eval.study.plan import IMAGES, Plan, Trial, read_plan


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[Pairs]:
    return pairs(tmp_path_factory.mktemp("results"), "L1", "cGAN", count=23)


def sources(plan: Plan, trial: Trial) -> tuple[str, str]:
    """Names of the real and the fake image."""
    left, right = plan.images[trial.left], plan.images[trial.right]
    return (left, right) if trial.real == "left" else (right, left)


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize(("trials", "practice"), [(8, 3), (7, 2), (5, 0)])
def test_rules(found: list[Pairs], paired: bool, trials: int, practice: int) -> None:
    plan = design(
        found, trials=trials, practice=practice, sessions_per_algorithm=9, paired=paired, seed=1
    )
    assert [session.algorithm for session in plan.sessions] == ["L1", "cGAN"] * 9
    practised: set[str] = set()
    counted: set[str] = set()
    for session in plan.sessions:
        assert len(session.trials) == practice + trials
        names = [sources(plan, trial) for trial in session.trials]
        real, fake = zip(*names, strict=True)
        assert all(name.startswith(f"{session.algorithm}/target/") for name in real)
        assert all(name.startswith(f"{session.algorithm}/output/") for name in fake)
        inputs = [name.rsplit("/")[-1] for name in (*real, *fake)]
        same = [a == b for a, b in zip(inputs[: len(real)], inputs[len(real) :], strict=True)]
        assert all(same) if paired else not any(same)
        assert len(set(inputs)) == len(real) * (1 if paired else 2)
        count = len(real)
        practised.update(i for place, i in enumerate(inputs) if place % count < practice)
        counted.update(i for place, i in enumerate(inputs) if place % count >= practice)
    assert not practised & counted
    assert len(practised) == practice * (1 if paired else 2)


@pytest.mark.parametrize("paired", [True, False])
def test_balance(found: list[Pairs], paired: bool) -> None:
    plan = design(found, trials=7, practice=2, sessions_per_algorithm=10, paired=paired, seed=3)
    for algorithm in plan.algorithms:
        sessions = [session for session in plan.sessions if session.algorithm == algorithm]
        lefts = [sum(t.real == "left" for t in s.trials[2:]) for s in sessions]
        assert lefts == [3, 4] * 5
        inputs = Counter(
            name.rsplit("/")[-1]
            for session in sessions
            for trial in session.trials[2:]
            for name in set(sources(plan, trial)[: 1 if paired else 2])
        )
        assert len(inputs) == 23 - (2 if paired else 4)
        assert max(inputs.values()) - min(inputs.values()) <= 1


def test_sides_and_order_say_nothing(found: list[Pairs]) -> None:
    plan = design(found, trials=8, practice=2, sessions_per_algorithm=400, seed=0)
    sides = np.array([[t.real == "left" for t in s.trials] for s in plan.sessions])
    assert np.abs(sides.mean(0) - 0.5).max() < 0.08  # over four standard deviations of 800 throws
    places = Counter(
        (place, plan.images[trial.left].rsplit("/")[-1])
        for session in plan.sessions
        for place, trial in enumerate(session.trials[2:])
    )
    expected = 800 / 21
    assert len(places) == 8 * 21
    assert max(abs(n - expected) for n in places.values()) < 5 * expected**0.5
    numbers = np.array([int(token, 16) / 16**32 for token in plan.images])
    real = np.array(["/target/" in name for name in plan.images.values()])
    assert abs(numbers[real].mean() - numbers[~real].mean()) < 0.3


def test_seed(found: list[Pairs]) -> None:
    first, again, other = (
        design(found, trials=5, practice=2, sessions_per_algorithm=3, seed=seed)
        for seed in (4, 4, 5)
    )
    assert first == again
    assert first.hash != other.hash
    assert not first.images.keys() & other.images.keys()


def test_names_cannot_be_told_from_the_seed(found: list[Pairs], tmp_path: Path) -> None:
    others = pairs(tmp_path, "L1", "cGAN", count=23)
    Image.new("RGB", (16, 16)).save(others[1].pairs[5].output.path)
    first, second = (
        design(source, trials=5, practice=2, sessions_per_algorithm=3, seed=0)
        for source in (found, others)
    )
    assert not first.images.keys() & second.images.keys()


def test_practice_of_one_counts_in_none(found: list[Pairs]) -> None:
    shifted = replace(found[1], pairs=found[1].pairs[5:])
    plan = design([found[0], shifted], trials=6, practice=3, sessions_per_algorithm=8, seed=2)
    inputs = [
        {plan.images[t.left].rsplit("/")[-1] for s in plan.sessions for t in s.trials[part]}
        for part in (slice(0, 3), slice(3, None))
    ]
    assert not inputs[0] & inputs[1]


@pytest.mark.parametrize(
    ("paired", "options", "message"),
    [
        (True, {"trials": 20, "practice": 4}, "got 23 pairs of images that can be used, expected "
         "24 or more (20 trials and 4 of practice)"),
        (False, {"trials": 10, "practice": 2}, "expected 24 or more (10 trials and 2 of practice, "
         "twice as unpaired trials take two)"),
        (True, {"trials": 0}, "got trials 0, expected 1 to 10000"),
        (True, {"seed": -1}, "got seed -1"),
        (True, {"size": 8}, "got size 8"),
        (True, {"milliseconds": 0}, "got milliseconds 0"),
        (True, {"sessions_per_algorithm": 0}, "got sessions 0"),
        (True, {"trials": 20, "practice": 2, "sessions_per_algorithm": 100_000}, "over 1000000"),
    ],
)  # fmt: skip
def test_refused(found: list[Pairs], paired: bool, options: dict[str, int], message: str) -> None:
    with pytest.raises(InputError) as caught:
        design(found, paired=paired, **{"seed": 0, **options})
    assert message in str(caught.value)


def test_too_few_beside_the_practice_of_others(found: list[Pairs]) -> None:
    first, second = replace(found[0], pairs=found[0].pairs[:8]), found[1]
    halves = [first, replace(second, pairs=(*first.pairs[:4], *second.pairs[8:12]))]
    refused = []
    for seed in range(20):  # some draw images for the practice of one that the other needs
        try:
            design(halves, trials=4, practice=4, sessions_per_algorithm=1, seed=seed)
        except InputError as error:
            refused.append(str(error))
    assert 0 < len(refused) < 20
    assert all("pairs of images that can be used, expected 8 or more" in line for line in refused)


def test_images_are_of_one_kind(tmp_path: Path) -> None:
    found = pairs(tmp_path / "results", "L1", count=6, size=40)
    Image.new("RGB", (16, 16), (9, 9, 9)).save(found[0].pairs[0].output.path)
    steps = []
    plan = design(found, trials=4, practice=2, sessions_per_algorithm=3, seed=0, size=32)
    write_study(tmp_path / "study", plan, found, lambda *step: steps.append(step))
    assert read_plan(tmp_path / "study") == plan
    files = sorted((tmp_path / "study" / IMAGES).iterdir())
    assert [path.stem for path in files] == list(plan.images)
    assert steps[-1] == (12, 12)
    assert len({path.stat().st_size for path in files}) == 1
    for path in files:
        with Image.open(path) as image:
            assert (image.format, image.mode, image.size) == ("PNG", "RGB", (32, 32))
            assert image.info == {}
    write_study(tmp_path / "study", plan, found)  # once more is the same
    with pytest.raises(InputError, match="plan of another study"):
        write_study(tmp_path / "study", replace(plan, hash="0"), found)


def test_an_image_of_that_size_is_the_same(tmp_path: Path) -> None:
    (found,) = pairs(tmp_path, "L1", count=1, size=32)
    path = tmp_path / "again.png"
    path.write_bytes(encode(found.pairs[0].output, 32))
    assert np.array_equal(read_rgb(path), read_rgb(found.pairs[0].output))

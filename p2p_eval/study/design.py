"""Which trials each session has, drawn from a seed: balanced, and no image twice.

Practice shows whether an answer was right, so it would give away images: those it takes come from
inputs that no counted trial of any session takes. From a seed and the content of all images follows
everything, names included; who knows the seed but not the images learns nothing from it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from p2p_eval.errors import InputError
from p2p_eval.results.images import ImageRef, file_sha256
from p2p_eval.scoring.pairs import ImagePair, Pairs
from p2p_eval.study.plan import Plan, Session, Side, Trial, seal

__all__ = ["design", "image_sources"]

MAX_TRIALS = 1_000_000
"""Most trials of a plan, of all sessions together."""

Integers = NDArray[np.int64]


def design(
    experiments: Sequence[Pairs],
    *,
    trials: int = 40,
    practice: int = 10,
    sessions_per_algorithm: int = 50,
    paired: bool = True,
    seed: int,
    size: int = 256,
    milliseconds: int = 1000,
) -> Plan:
    """Draw the sessions of a study.

    Each session is of one experiment and shows no image twice; of its counted trials, half have
    the real image on the left (of an odd number, one more or less, in turn). Over the sessions of
    an experiment, one counted image is shown at most once more than another.

    Args:
        experiments: As :func:`p2p_eval.scoring.pairs.find_pairs` gives them.
        trials: Of each session, that count.
        practice: Of each session, before those.
        sessions_per_algorithm: One session is for one person.
        paired: Real and fake of a trial come from the same input; else from different ones.
        seed: Of everything that is drawn.
        size: Side of the images in pixels.
        milliseconds: How long each is shown.

    Raises:
        InputError: An option is out of range, an image cannot be read, or an experiment has too
            few images.

    Source: Isola et al., *Image-to-Image Translation with Conditional Adversarial Networks*, 2017,
    section 3.2.
    """
    _check_options(trials, practice, sessions_per_algorithm, seed, size, milliseconds)
    if len(experiments) * sessions_per_algorithm * (trials + practice) > MAX_TRIALS:
        raise InputError(f"got over {MAX_TRIALS} trials in all; ask for fewer sessions or trials")
    needed = _Needed(trials, practice, 1 if paired else 2)
    for found in experiments:
        if len(found.pairs) < needed.inputs:
            raise InputError(_too_few(found, needed, len(found.pairs)))
    root = np.random.SeedSequence([seed, *_digest(experiments)])
    streams = iter(root.spawn(1 + len(experiments) * sessions_per_algorithm))
    shared = np.random.default_rng(next(streams))
    reserved = _practice_ids(experiments, needed.practice_inputs, shared)
    pools = [_Pools(found, reserved, needed) for found in experiments]
    drawn: list[tuple[str, list[_Shown]]] = []
    for number in range(sessions_per_algorithm):
        for found, pool in zip(experiments, pools, strict=True):
            rng = np.random.default_rng(next(streams))
            shown = pool.practice.draw(practice, paired, number, rng)
            shown += pool.counted.draw(trials, paired, number, rng)
            drawn.append((found.experiment.name, shown))
    names = sorted({name for _, shown in drawn for trial in shown for name in trial.names})
    tokens = {names[place]: shared.bytes(16).hex() for place in shared.permutation(len(names))}
    return seal(
        Plan(
            hash="",
            seed=seed,
            paired=paired,
            practice=practice,
            size=size,
            milliseconds=milliseconds,
            algorithms=tuple(found.experiment.name for found in experiments),
            images=dict(sorted((token, name) for name, token in tokens.items())),
            sessions=tuple(
                Session(shared.bytes(16).hex(), name, tuple(trial.trial(tokens) for trial in shown))
                for name, shown in drawn
            ),
        )
    )


def image_sources(experiments: Sequence[Pairs]) -> dict[str, ImageRef]:
    """Give the file of every name that stands in a plan's ``images``."""
    return {
        _name(found, role, pair): image
        for found in experiments
        for pair in found.pairs
        for role, image in (("output", pair.output), ("target", pair.target))
    }


@dataclass(frozen=True, slots=True)
class _Needed:
    trials: int
    practice: int
    inputs_a_trial: int

    @property
    def practice_inputs(self) -> int:
        return self.practice * self.inputs_a_trial

    @property
    def counted_inputs(self) -> int:
        return self.trials * self.inputs_a_trial

    @property
    def inputs(self) -> int:
        return self.practice_inputs + self.counted_inputs


@dataclass(frozen=True, slots=True)
class _Shown:
    """A trial by the names of its images."""

    real: str
    fake: str
    side: Side

    @property
    def names(self) -> tuple[str, str]:
        return self.real, self.fake

    def trial(self, tokens: dict[str, str]) -> Trial:
        real, fake = tokens[self.real], tokens[self.fake]
        return Trial(real, fake, "left") if self.side == "left" else Trial(fake, real, "right")


class _Pool:
    """Inputs of an experiment, those that were shown least first."""

    def __init__(self, found: Pairs, pairs: Sequence[ImagePair]) -> None:
        self.real = [_name(found, "target", pair) for pair in pairs]
        self.fake = [_name(found, "output", pair) for pair in pairs]
        self.shown: Integers = np.zeros((2, len(pairs)), np.int64)  # as the real one, as the fake

    def draw(self, count: int, paired: bool, number: int, rng: np.random.Generator) -> list[_Shown]:
        """Draw the trials of session ``number``."""
        chosen = _least(self.shown.sum(0), count if paired else 2 * count, rng)
        if paired:
            real = fake = rng.permutation(chosen)
        else:
            balance = (self.shown[0] - self.shown[1])[chosen]
            order = _least(balance, len(chosen), rng)
            real = rng.permutation(chosen[order[:count]])
            fake = rng.permutation(chosen[order[count:]])
        self.shown[0, real] += 1
        self.shown[1, fake] += 1
        left = rng.permutation(count) < (count + number % 2) // 2
        return [
            _Shown(self.real[r], self.fake[f], "left" if on_left else "right")
            for r, f, on_left in zip(real, fake, left, strict=True)
        ]


class _Pools:
    """The inputs of an experiment that practice takes, and those that count."""

    def __init__(self, found: Pairs, reserved: frozenset[str], needed: _Needed) -> None:
        counted = [pair for pair in found.pairs if pair.id not in reserved]
        if len(counted) < needed.counted_inputs:
            raise InputError(_too_few(found, needed, len(counted) + needed.practice_inputs))
        self.practice = _Pool(found, [pair for pair in found.pairs if pair.id in reserved])
        self.counted = _Pool(found, counted)


def _least(values: Integers, count: int, rng: np.random.Generator) -> Integers:
    """Places of the ``count`` lowest values, equal ones by chance."""
    places: Integers = np.lexsort((rng.random(len(values)), values))[:count]
    return places


def _practice_ids(
    experiments: Sequence[Pairs], count: int, rng: np.random.Generator
) -> frozenset[str]:
    """Ids for practice, as few as give each experiment ``count``.

    They are of all experiments together: what is practice in one counts in none, as experiments
    of one test set have the same real images.
    """
    members = [{pair.id for pair in found.pairs} for found in experiments]
    lacking = [count] * len(members)
    names = sorted(set().union(*members))
    reserved = set()
    for place in rng.permutation(len(names)):
        within = [i for i, ids in enumerate(members) if names[place] in ids]
        if any(lacking[i] > 0 for i in within):
            reserved.add(names[place])
            for i in within:
                lacking[i] -= 1
    return frozenset(reserved)


def _digest(experiments: Sequence[Pairs]) -> list[int]:
    """A number that depends on every image, as words of 32 bits."""
    digest = hashlib.sha256()
    for name, image in image_sources(experiments).items():
        digest.update(f"{name}\0{image.half}\0{file_sha256(image.path)}\n".encode())
    return [int(word) for word in np.frombuffer(digest.digest(), "<u4")]


def _name(found: Pairs, role: str, pair: ImagePair) -> str:
    return f"{found.experiment.name}/{role}/{pair.id}.png"


def _check_options(
    trials: int, practice: int, sessions: int, seed: int, size: int, milliseconds: int
) -> None:
    for name, value, least, most in (
        ("trials", trials, 1, 10_000),
        ("practice", practice, 0, 10_000),
        ("sessions", sessions, 1, 100_000),
        ("seed", seed, 0, 2**63 - 1),
        ("size", size, 16, 4096),
        ("milliseconds", milliseconds, 1, 60_000),
    ):
        if not least <= value <= most:
            raise InputError(f"got {name} {value}, expected {least} to {most}")


def _too_few(found: Pairs, needed: _Needed, got: int) -> str:
    twice = ", twice as unpaired trials take two" if needed.inputs_a_trial == 2 else ""
    return (
        f"{found.experiment.folder}: got {got} pairs of images that can be used, expected "
        f"{needed.inputs} or more ({needed.trials} trials and {needed.practice} of practice"
        f"{twice}); generate more images, or ask for fewer trials"
    )

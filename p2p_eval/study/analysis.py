"""The answers of a study become the paper's figure: how often people took fakes for real."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from p2p_eval import __version__
from p2p_eval.errors import InputError
from p2p_eval.folders import natural_key
from p2p_eval.scores.bootstrap import DRAWS
from p2p_eval.scores.signature import Signature
from p2p_eval.scores.store import exclusive, write_atomic
from p2p_eval.scoring.run import check_least, document_bytes
from p2p_eval.study.answers import read_answers
from p2p_eval.study.bootstrap import people_interval, people_then_trials
from p2p_eval.study.exclusions import FAST_MS, Participants, SessionVotes, exclude, sessions_of
from p2p_eval.study.plan import read_plan
from p2p_eval.study.report import AlgorithmRate, Contrast, ImageRate, StudyReport
from p2p_eval.study.votes import Vote

__all__ = ["FILE", "analyze", "analyze_files"]

FILE = "study.json"
"""Name of the score file, in the folder of score files."""

PRIOR_TRIALS = 2
MAX_DRAWS = 1_000_000
"""By so many trials with the mean rate images are pulled to it before they are ranked: else one
that was shown once would be first or last."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Counted = tuple[int, Vote]


def analyze_files(
    files: Sequence[str | Path],
    *,
    practice: int | None = None,
    plan: str | Path | None = None,
    participants: Participants = "first",
    out: str | Path = "p2p-eval-out",
    draws: int = DRAWS,
    seed: int = 0,
) -> StudyReport:
    """Analyze the answers in files and write ``<out>/study.json``.

    Args:
        files: As :func:`p2p_eval.study.answers.read_answers` takes them.
        practice: Trials of each session that come first and do not count.
        plan: Folder of the study, which answers of pages that were exported need.
        participants: As of :func:`analyze`.
        out: Folder for score files.
        draws: Of the bootstrap.
        seed: Of the bootstrap.

    Raises:
        InputError: An option or a file cannot be used, or no answer counts.
        StoreError: The score file could not be written.
    """
    answers = read_answers(
        [Path(file) for file in files], practice, None if plan is None else read_plan(Path(plan))
    )
    report = analyze(
        answers.votes,
        participants=participants,
        draws=draws,
        seed=seed,
        plans=answers.plans,
        notes=answers.notes,
    )
    with exclusive(Path(out)):
        write_atomic(Path(out) / FILE, document_bytes(report.to_json()))
    return report


def analyze(
    votes: Sequence[Vote],
    *,
    participants: Participants = "first",
    draws: int = DRAWS,
    seed: int = 0,
    plans: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> StudyReport:
    """Give the share of trials in which the generated image was called real, by algorithm.

    The figures of one algorithm depend neither on the order of the answers nor on which others
    there are; a difference between two that some people judged both is drawn with these people
    together.

    Args:
        votes: All answers, practice included, which does not count.
        participants: Whether only the ``first`` session of a person counts, or ``all``.
        draws: Of the bootstrap of people, then trials within each.
        seed: Of the bootstrap.
        plans: Hashes of the plans that were answered.
        notes: What is known of the answers.

    Raises:
        InputError: An option is out of range, or no answer counts.

    Source: Isola et al., *Image-to-Image Translation with Conditional Adversarial Networks*, 2017,
    section 3.2 and Tables 4 and 5.
    """
    check_least(seed=seed, draws=draws)
    if draws > MAX_DRAWS:
        raise InputError(f"got draws {draws}, expected {MAX_DRAWS} or fewer")
    if participants not in ("first", "all"):
        raise InputError(f"got participants {participants!r}, expected first or all")
    kept, excluded = exclude(sessions_of(votes), participants)
    people = {name: place for place, name in enumerate(sorted({s.participant for s in kept}))}
    names = sorted({vote.algorithm for vote in votes}, key=natural_key)
    counted: dict[str, list[Counted]] = {name: [] for name in names}
    for session in kept:
        for vote in session.counted:
            counted[vote.algorithm].append((people[session.participant], vote))
    if not any(counted.values()):
        raise InputError(
            f"got {len(votes)} answers in {len(kept) + len(excluded)} sessions, none of which "
            "counts (practice, unset or excluded); check the file and --practice"
        )
    signature = str(_signature(participants, draws, seed))
    late = _late(kept)
    unset = Counter(
        vote.algorithm
        for session in kept
        for vote in session.votes
        if not vote.practice and vote.answer is None
    )
    stream = _Streams(draws, seed)
    judged = {name: found for name, found in counted.items() if found}
    rates = {
        name: _algorithm(name, found, unset[name], late, stream, signature)
        for name, found in judged.items()
    }
    return StudyReport(
        tuple(rates.values()),
        {
            (a, b): stream.difference(f"{a}\n{b}", (judged[a], judged[b]), (a, b))
            for a, b in combinations(judged, 2)
        },
        tuple(excluded),
        tuple(plans),
        (*notes, *_notes(judged, rates, names)),
    )


class _Streams:
    """Draws of the bootstrap, each kind from random numbers of its own."""

    def __init__(self, draws: int, seed: int) -> None:
        self.draws = draws
        self.seed = seed

    def rates(self, name: str, fooled: Integers, trials: Integers) -> Floats:
        """Rates of people, then trials, ``(draws, groups)``."""
        digest = hashlib.sha256(name.encode()).digest()
        rng = np.random.default_rng([self.seed, int.from_bytes(digest[:8], "big")])
        return people_then_trials(fooled, trials, self.draws, rng)

    def difference(
        self, name: str, groups: Sequence[Iterable[Counted]], names: Sequence[str] = ()
    ) -> Contrast:
        """Compare two groups of answers; people who are in both are drawn with both.

        Where nobody is in both, each group is drawn by its own name, if ``names`` has them.
        """
        fooled, trials = _table(groups)
        if not trials.sum(0).all():
            return Contrast(*(math.nan,) * 5)
        a, b = (100 * fooled.sum(0) / trials.sum(0)).tolist()
        if ((trials > 0).sum(0) < 2).any():  # of one person, nothing is known of how people differ
            return Contrast(a, b, *(math.nan,) * 3)
        if (trials > 0).all(1).any():
            drawn = self.rates(name, fooled, trials)
        else:  # nobody is in both: each group is drawn with as many people as it has
            columns = []
            for place, part in enumerate(names or (f"{name}\0first", f"{name}\0second")):
                of_it = trials[:, place] > 0
                here = (fooled[of_it, place, None], trials[of_it, place, None])
                columns.append(self.rates(part, *here)[:, 0])
            drawn = np.stack(columns, 1)
        apart = drawn[:, 0] - drawn[:, 1]
        apart = apart[~np.isnan(apart)]
        low, high = (100 * np.quantile(apart, [0.025, 0.975])).tolist()
        least = min(int((apart <= 0).sum()), int((apart >= 0).sum()))
        return Contrast(a, b, low, high, min(1.0, 2 * (least + 1) / (len(apart) + 1)))


def _algorithm(
    name: str,
    found: list[Counted],
    unset: int,
    late: Callable[[Vote], bool],
    stream: _Streams,
    signature: str,
) -> AlgorithmRate:
    fooled, trials = _table([found])
    low, high = people_interval(fooled[:, 0], trials[:, 0])
    known = len(fooled) > 1 and stream.draws > 1
    drawn = stream.rates(name, fooled, trials)
    left = [entry for entry in found if entry[1].real == "left"]
    right = [entry for entry in found if entry[1].real == "right"]
    first = [entry for entry in found if not late(entry[1])]
    second = [entry for entry in found if late(entry[1])]
    return AlgorithmRate(
        name=name,
        fooled=int(fooled.sum()),
        trials=int(trials.sum()),
        unset=unset,
        participants=len(fooled),
        std=100 * float(drawn.std(ddof=1)) if known else math.nan,
        low=100 * low,
        high=100 * high,
        side=stream.difference(f"{name}\0side", (left, right)),
        time=stream.difference(f"{name}\0time", (second, first)),
        images=_images([vote for _, vote in found]),
        signature=signature,
    )


def _table(groups: Sequence[Iterable[Counted]]) -> tuple[Integers, Integers]:
    """How often each person was fooled, and in how many trials, ``(people, groups)``."""
    fooled: Counter[tuple[int, int]] = Counter()
    trials: Counter[tuple[int, int]] = Counter()
    for place, group in enumerate(groups):
        for person, vote in group:
            trials[person, place] += 1
            fooled[person, place] += vote.fooled
    people = list(dict.fromkeys(person for person, _ in trials))
    cells = [[(person, place) for place in range(len(groups))] for person in people]
    shape = (len(people), len(groups))
    return (
        np.array([[fooled[cell] for cell in row] for row in cells], np.int64).reshape(shape),
        np.array([[trials[cell] for cell in row] for row in cells], np.int64).reshape(shape),
    )


def _late(sessions: Sequence[SessionVotes]) -> Callable[[Vote], bool]:
    """Whether a trial is in the second half of those of its session that count."""
    middles = {}
    for session in sessions:
        numbers = [vote.trial for vote in session.votes if not vote.practice]
        middles[session.participant, session.session] = (min(numbers) + max(numbers)) / 2
    return lambda vote: vote.trial > middles[vote.participant, vote.session]


def _images(votes: Sequence[Vote]) -> tuple[ImageRate, ...]:
    shown = Counter(vote.fake_image for vote in votes)
    fooled = Counter(vote.fake_image for vote in votes if vote.fooled)
    mean = fooled.total() / shown.total()

    def rank(image: str) -> tuple[float, str]:
        return -(fooled[image] + PRIOR_TRIALS * mean) / (shown[image] + PRIOR_TRIALS), image

    return tuple(ImageRate(image, fooled[image], shown[image]) for image in sorted(shown, key=rank))


def _signature(participants: Participants, draws: int, seed: int) -> Signature:
    return Signature(
        "real-vs-fake",
        {
            "participants": participants,
            "excluded": f"incomplete+faster-than-{FAST_MS}ms+one-side",
            "interval": "t-of-log-odds-over-people",
            "bootstrap": f"people-then-trials-{draws}",
            "seed": str(seed),
            "version": __version__,
        },
    )


def _notes(
    judged: dict[str, list[Counted]], rates: dict[str, AlgorithmRate], names: list[str]
) -> list[str]:
    notes = []
    for name in names:
        if name not in judged:
            notes.append(f"warning: {name}: no answer counts")
            continue
        rate = rates[name]
        if rate.unset:
            notes.append(
                f"note: {name}: trials without an answer, which are left out: {rate.unset}"
            )
        if lost := sum(bool(vote.lost_focus) for _, vote in judged[name]):
            notes.append(
                f"note: {name}: the window lost the focus in {lost} of {len(judged[name])} trials, "
                "which count"
            )
        if again := sum(bool(vote.seen_before) for _, vote in judged[name]):
            notes.append(
                f"note: {name}: the pair had been shown before, as before a reload, in {again} of "
                f"{len(judged[name])} trials, which count"
            )
        if rate.participants < 2:
            notes.append(
                f"warning: {name}: one participant, so nothing is known of how people differ: no "
                "± and no interval"
            )
        elif rate.fooled in (0, rate.trials):
            notes.append(
                f'note: {name}: {"every" if rate.fooled else "no"} answer was "real", so that '
                "there is no interval"
            )
        elif math.isnan(rate.low):
            notes.append(
                f"note: {name}: all {rate.participants} participants have the same rate, so that "
                "there is no interval"
            )
    return notes

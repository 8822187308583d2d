"""How often do 95 % intervals of a study's rate hold the true one? Ours beside the bootstrap's.

Simulated studies: people whose rates follow a beta distribution, 40 trials each. Prints the share
of studies whose interval holds the true rate, and its mean width in percentage points.

Run: python benchmarks/study_coverage.py
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from p2p_eval.study.bootstrap import people_interval, people_then_trials

TRIALS = 40
CROWDS = ((0.028, 0.04), (0.06, 0.06), (0.189, 0.12), (0.25, 0.1), (0.25, 0.0), (0.45, 0.15))
PEOPLE = (10, 20, 50, 100)
TAILS = (0.025, 0.975)

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
Interval = Callable[[Integers, int, np.random.Generator], tuple[float, float]]


def ours(fooled: Integers, draws: int, rng: np.random.Generator) -> tuple[float, float]:
    """Student's t of log-odds over people."""
    return people_interval(fooled, np.full(len(fooled), TRIALS))


def nested(fooled: Integers, draws: int, rng: np.random.Generator) -> tuple[float, float]:
    """Percentiles of the paper's bootstrap: people, then trials."""
    trials = np.full((len(fooled), 1), TRIALS)
    low, high = np.quantile(people_then_trials(fooled[:, None], trials, draws, rng), TAILS)
    return float(low), float(high)


def percentile(fooled: Integers, draws: int, rng: np.random.Generator) -> tuple[float, float]:
    """Percentiles of a bootstrap over people alone."""
    low, high = np.quantile(_over_people(fooled, draws, rng), TAILS)
    return float(low), float(high)


def bca(fooled: Integers, draws: int, rng: np.random.Generator) -> tuple[float, float]:
    """Efron's bias-corrected and accelerated percentiles over people."""
    rates = _over_people(fooled, draws, rng)
    apart = fooled / TRIALS - fooled.mean() / TRIALS
    below = ((rates < fooled.mean() / TRIALS).mean() + (rates <= fooled.mean() / TRIALS).mean()) / 2
    bias = norm.ppf(np.clip(below, 1 / draws, 1 - 1 / draws))
    acceleration = (apart**3).sum() / (6 * (apart**2).sum() ** 1.5)
    shifted = bias + norm.ppf(TAILS)
    low, high = np.quantile(rates, norm.cdf(bias + shifted / (1 - acceleration * shifted)))
    return float(low), float(high)


INTERVALS: dict[str, Interval] = {
    "ours": ours,
    "percentile": percentile,
    "BCa": bca,
    "people, trials": nested,
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--draws", type=int, default=2000)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    print("rate  spread  people  " + "  ".join(f"{name:>14}" for name in INTERVALS))
    for rate, spread in CROWDS:
        for people in PEOPLE:
            studies = _studies(rate, spread, people, options.studies, rng)
            cells = []
            for interval in INTERVALS.values():
                ends = np.array([interval(fooled, options.draws, rng) for fooled in studies])
                held = ((ends[:, 0] <= rate) & (rate <= ends[:, 1])).mean()
                width = 100 * (ends[:, 1] - ends[:, 0]).mean()
                cells.append(f"{100 * held:6.1f} ({width:5.1f})")
            print(f"{rate:5.3f}  {spread:5.2f}  {people:6d}  " + "  ".join(cells), flush=True)


def _studies(
    rate: float, spread: float, people: int, count: int, rng: np.random.Generator
) -> Integers:
    """How often each person of each study was fooled; studies in which all are alike left out."""
    rates = np.full((count, people), rate)
    if spread:
        total = rate * (1 - rate) / spread**2 - 1
        rates = rng.beta(rate * total, (1 - rate) * total, rates.shape)
    fooled = rng.binomial(TRIALS, rates)
    return fooled[fooled.std(1) > 0]


def _over_people(fooled: Integers, draws: int, rng: np.random.Generator) -> Floats:
    people = len(fooled)
    weights = rng.multinomial(people, np.full(people, 1 / people), draws)
    rates: Floats = weights @ fooled / (people * TRIALS)
    return rates


if __name__ == "__main__":
    main()

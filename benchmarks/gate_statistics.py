"""Does the gate stay silent where nothing is worse, and speak up where something is?

False alarms: candidates as good as the baseline, on images drawn anew for each, with six metrics
whose values are correlated; any metric of a candidate that comes out as *worse* is an alarm. Power:
the same with candidates whose first metric, or all of them, lost something. The statistics are
those of ``p2p_eval.gate``: the paired bootstrap with 10,000 draws, expanded percentiles, Holm's
correction, and the search for broken images.

Run: python benchmarks/gate_statistics.py
It writes docs/gate-power.svg and reports/gate-statistics.md.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from p2p_eval.gate.broken import broken_images
from p2p_eval.gate.check import MIN_IMAGES
from p2p_eval.gate.resample import mean_losses
from p2p_eval.gate.settings import Settings
from p2p_eval.gate.tails import LowerTail, holm

ROOT = Path(__file__).parent.parent
METRICS = 6
CORRELATION = 0.6
CHANGED = 0.5
SIZES = (10, 20, 50, 200, 500)
POWER_SIZES = (50, 200, 500)
STEPS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
DAMAGE_SIZES = (50, 100, 200, 500)
AT_ONCE = 50

LEVEL = 10.0
"""Mean of normal values, in their standard deviations, as about that of PSNR or SSIM."""

Floats = NDArray[np.float64]
Values = Callable[[np.random.Generator, tuple[int, int]], tuple[Floats, Floats]]
"""Baseline and candidate, ``(candidates, images, metrics)`` each; the higher, the better."""


def related(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """Standard normal values, correlated between the metrics of an image."""
    shared = rng.standard_normal((*shape, 1))
    own = rng.standard_normal((*shape, METRICS))
    return np.sqrt(CORRELATION) * shared + np.sqrt(1 - CORRELATION) * own


def normal(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[Floats, Floats]:
    """An image is hard or easy; each model adds half as much of its own."""
    image = LEVEL + related(rng, shape)
    return image + CHANGED * related(rng, shape), image + CHANGED * related(rng, shape)


def skewed(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[Floats, Floats]:
    """The exponential of these values, negated: most images are good, and some are bad."""
    a, b = normal(rng, shape)
    return -np.exp(a - LEVEL), -np.exp(b - LEVEL)


def heavy(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[Floats, Floats]:
    """What each model adds has the tails of Student's t with 3 degrees of freedom."""
    image = LEVEL + related(rng, shape)

    def own() -> Floats:
        return CHANGED * related(rng, shape) / np.sqrt(rng.chisquare(3, (*shape, 1)) / 3)

    return image + own(), image + own()


def sparse(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[Floats, Floats]:
    """Both models are one model, and each breaks 5 % of the images, by chance."""
    image = LEVEL + related(rng, shape)
    return _damaged(rng, image), _damaged(rng, image)


def sparse_noise(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[Floats, Floats]:
    """Two models as in ``normal``, and each breaks 5 % of the images, by chance."""
    a, b = normal(rng, shape)
    return _damaged(rng, a), _damaged(rng, b)


def lopsided(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[Floats, Floats]:
    """The candidate is a little worse on most images and much better on few, equal on average."""
    image = LEVEL + related(rng, shape)
    gain = np.exp(0.5 * related(rng, shape)) - np.exp(0.125)
    return image, image + CHANGED * gain


def _damaged(rng: np.random.Generator, values: Floats) -> Floats:
    broken = rng.random((*values.shape[:2], 1)) < 0.05
    return values - broken * rng.uniform(4, 12, (*values.shape[:2], 1))


MODELS: dict[str, Values] = {
    "normal": normal,
    "skewed": skewed,
    "heavy tails": heavy,
    "sparse": sparse,
    "sparse and noise": sparse_noise,
}


def alarms(baseline: Floats, candidate: Floats, settings: Settings) -> NDArray[np.bool_]:
    """Say which candidates the gate calls worse, ``(candidates,)``, as ``check`` does."""
    count, images, metrics = baseline.shape
    found = np.zeros(count, np.bool_)
    for start in range(0, count, AT_ONCE):
        part = slice(start, start + AT_ONCE)
        losses = baseline[part] - candidate[part]
        columns = np.moveaxis(losses, 1, 0).reshape(images, -1)
        means, draws = mean_losses(columns, draws=settings.draws, seed=settings.seed)
        figures = baseline[part].mean(1).ravel().tolist()
        limits = [settings.tolerance.of(value) for value in figures]
        detect = np.array([settings.detect.of(value) for value in figures])
        p = [
            1.0 if not column.any() else LowerTail(column, images).p(limit)
            for column, limit in zip(draws.T, limits, strict=True)
        ]
        for place in range(len(losses)):
            own = slice(place * metrics, (place + 1) * metrics)
            broken = broken_images(
                losses[place],
                np.array(limits[own]),
                detect[own],
                at_least=settings.broken_images,
            )
            lost = bool(broken) and bool((means[own] > limits[own]).any())
            found[start + place] = min(holm(p[own])) < 1 - settings.confidence or lost
    return found


def false_alarms(settings: Settings, candidates: int, seed: int) -> dict[str, list[float]]:
    """Share of equally good candidates that the gate calls worse, by model and number of images."""
    shares: dict[str, list[float]] = {}
    for place, (name, values) in enumerate({**MODELS, "lopsided": lopsided}.items()):
        for images in SIZES:
            rng = np.random.default_rng([seed, place, images])
            found = alarms(*values(rng, (candidates, images)), settings)
            shares.setdefault(name, []).append(float(found.mean()))
            print(f"{name}, {images} images: {found.mean():.1%}", file=sys.stderr, flush=True)
    return shares


def power(settings: Settings, candidates: int, seed: int) -> dict[tuple[str, int], list[float]]:
    """Share of worse candidates that the gate finds, by what got worse, images and loss."""
    shares: dict[tuple[str, int], list[float]] = {}
    for images in POWER_SIZES:
        rng = np.random.default_rng([seed, images])
        baseline, candidate = normal(rng, (candidates, images))
        for name, worse in (("one metric", np.arange(METRICS) == 0), ("all metrics", 1.0)):
            for loss in STEPS:
                found = alarms(baseline, candidate - loss * worse, settings)
                shares.setdefault((name, images), []).append(float(found.mean()))
        print(f"power, {images} images: done", file=sys.stderr, flush=True)
    return shares


def damage_found(
    settings: Settings, candidates: int, seed: int
) -> dict[tuple[str, int], list[float]]:
    """Share of candidates with some images damaged, in all metrics, that the gate finds."""
    shares: dict[tuple[str, int], list[float]] = {}
    for share in (20, 10):  # 5 %, 10 %
        for name in ("a copy", "another model"):
            for images in DAMAGE_SIZES:
                rng = np.random.default_rng([seed, share, images])
                a, b = normal(rng, (candidates, images))
                current = a.copy() if name == "a copy" else b
                damaged = -(-images // share)
                current[:, :damaged] -= rng.uniform(4, 12, (candidates, damaged, 1))
                found = alarms(a, current, settings)
                shares.setdefault((name, 100 // share), []).append(float(found.mean()))
    return shares


def draw(shares: dict[tuple[str, int], list[float]]) -> bytes:
    """Draw the power curves as SVG, the same bytes each time."""
    import matplotlib as mpl

    mpl.use("svg")
    import matplotlib.pyplot as plt

    mpl.rcParams.update({"svg.hashsalt": "p2p-eval", "font.family": "DejaVu Sans", "font.size": 9})
    figure, axes = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
    colors = dict(zip(POWER_SIZES, ("#b5541c", "#1c6fb5", "#2b7a2b"), strict=True))
    for (name, images), column in shares.items():
        axes.plot(
            STEPS,
            [100 * share for share in column],
            color=colors[images],
            linestyle="-" if name == "all metrics" else "--",
            label=f"{images} images, {name} worse",
        )
    axes.axhline(5, color="#888888", linewidth=0.8)
    axes.text(0.27, 5.5, "5 %", ha="right", va="bottom", color="#666666")
    axes.set_xlabel("loss, in standard deviations between images")
    axes.set_ylabel("candidates that fail the gate, %")
    axes.set_xlim(0, STEPS[-1])
    axes.set_ylim(0, 102)
    axes.legend(loc="lower right", frameon=False)
    data = io.BytesIO()
    figure.savefig(data, format="svg", metadata={"Date": None, "Creator": None})
    plt.close(figure)
    return data.getvalue()


def main() -> None:
    """Write the figure and the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--candidates", type=int, default=1000)
    parser.add_argument("--power-candidates", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    settings = Settings()
    wrong = false_alarms(settings, options.candidates, options.seed)
    right = power(settings, options.power_candidates, options.seed)
    found = damage_found(settings, options.power_candidates, options.seed)
    (ROOT / "docs" / "gate-power.svg").write_bytes(draw(right))
    text = report(wrong, right, found, options.candidates, options.power_candidates)
    (ROOT / "reports" / "gate-statistics.md").write_text(text, encoding="utf-8")
    print(text)


def report(
    wrong: dict[str, list[float]],
    right: dict[tuple[str, int], list[float]],
    found: dict[tuple[str, int], list[float]],
    candidates: int,
    power_candidates: int,
) -> str:
    """Write what was found as Markdown."""

    def row(*cells: object) -> str:
        return f"| {' | '.join(map(str, cells))} |"

    def shares(column: list[float]) -> list[str]:
        return [f"{100 * share:.1f}" for share in column]

    lines = [TEXT_ABOVE.format(candidates=f"{candidates:,}", least=MIN_IMAGES)]
    lines += [row("differences", *(f"{n} images" for n in SIZES)), f"|:-|{'-:|' * len(SIZES)}"]
    lines += [row(name, *shares(column)) for name, column in wrong.items() if name in MODELS]
    lines.append(TEXT_LOPSIDED)
    lines += [row("differences", *(f"{n} images" for n in SIZES)), f"|:-|{'-:|' * len(SIZES)}"]
    lines.append(row("lopsided", *shares(wrong["lopsided"])))
    lines.append(TEXT_POWER.format(candidates=f"{power_candidates:,}"))
    lines += [row("images", "worse", *STEPS), f"|-:|:-|{'-:|' * len(STEPS)}"]
    lines += [
        row(images, name, *(f"{100 * share:.0f}" for share in column))
        for (name, images), column in right.items()
    ]
    lines.append(TEXT_DAMAGE.format(candidates=f"{power_candidates:,}"))
    lines += [row("of", "damaged", *(f"{n} images" for n in DAMAGE_SIZES))]
    lines += [f"|:-|-:|{'-:|' * len(DAMAGE_SIZES)}"]
    lines += [row(name, f"{share} %", *shares(column)) for (name, share), column in found.items()]
    return "\n".join(lines) + "\n"


TEXT_ABOVE = """# False alarms and power of the gate

Made by `python benchmarks/gate_statistics.py`, which takes about three minutes on two cores and
gives the same figures each time. It runs the gate's own statistics with its default settings:
paired bootstrap with 10,000 draws, expanded percentiles, Holm's correction, one-sided at 5 % over
all figures together.

## False alarms

{candidates} candidates that are as good as the baseline, each on images of its own, six metrics
whose values correlate by 0.6. In percent: candidates of which the gate calls any metric *worse*.
Below {least} images it says that it cannot tell.

- *normal*: each image is hard or easy, standard deviation 1; each model adds its own, standard
  deviation 0.5;
- *skewed*: the exponential of that: most images are good, some are bad;
- *heavy tails*: what models add has the tails of Student's t with 3 degrees of freedom;
- *sparse*: one model, but each time another 5 % of the images are broken, by 4 to 12 standard
  deviations;
- *sparse and noise*: both.
"""

TEXT_LOPSIDED = """
All of these have in common that baseline and candidate could change places. If they cannot, few
images tell less than the gate believes: of a candidate that is a little worse on most images and
much better on some, so that the mean is the same (log-normal differences of skewness 1.75), it sees
the many and may miss the few:
"""

TEXT_POWER = """
## Power

{candidates} candidates a point, *normal* as above, which lost something in one of the six metrics
or in all. In percent: candidates that fail. The loss is in standard deviations between images. The
same candidates stand behind all points of a curve, so that curves are smooth, but uncertain by up
to 5 points where they are steep, and by 2 near 0.

![Power against the size of the loss](../docs/gate-power.svg)
"""

TEXT_DAMAGE = """
## Damaged images

{candidates} candidates of which some images are damaged, by 4 to 12 standard deviations in all
metrics: a copy of the baseline, or another model as good as it (*normal*) but for these images. In
percent: candidates that fail.
"""


if __name__ == "__main__":
    main()

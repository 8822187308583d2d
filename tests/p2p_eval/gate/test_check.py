"""Verdicts: against plain loops, by laws, and where chance ends."""

from __future__ import annotations

import math
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_scores import metrics, segmentation, study
from numpy.typing import NDArray
from scipy import stats

from p2p_eval.gate.check import check
from p2p_eval.gate.checked import Checked, CheckedFigure
from p2p_eval.gate.scored import Scored
from p2p_eval.gate.settings import Amount, Rule, Settings
from p2p_eval.metrics.confusion import paper_histogram, paper_scores
from p2p_eval.scores.statistics import compare

Floats = NDArray[np.float64]
SIX = ("psnr", "ssim", "ms-ssim", "gmsd", "lpips", "ciede2000")


def rows(count: int, columns: int = 2, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).normal(20, 2, (count, columns))


def moved(values: Floats, *losses: float, noise: float = 0.2, seed: int = 1) -> Floats:
    """Each column changed by a constant and some noise."""
    return values + np.array(losses) + np.random.default_rng(seed).normal(0, noise, values.shape)


def verdicts(checked: Checked) -> dict[str, str]:
    return {figure.name: figure.verdict for figure in checked.figures}


def only(checked: Checked) -> CheckedFigure:
    (figure,) = checked.figures
    return figure


def counts(frames: int = 40, seed: int = 0, hit: int = 400) -> NDArray[np.int64]:
    rng = np.random.default_rng(seed)
    result = rng.poisson(20, (frames, 4, 5)) + hit * np.eye(4, 5, dtype=np.int64)
    result[:, 3, 4] = 0
    return result.astype(np.int64)


def test_differences_are_those_of_a_paired_comparison() -> None:
    a = rows(60)
    b = moved(a, 0.05, 0.02)
    for figure, column in zip(check([metrics(a)], [metrics(b)]).figures, range(2), strict=True):
        expected = compare(b[:, column], a[:, column])
        assert figure.difference == expected.difference
        # The percentile interval, expanded for 60 images, and Student's where that is wider.
        spread = (b - a)[:, column].std(ddof=1) / math.sqrt(60)
        half = stats.t.ppf(0.975, 59) * spread
        assert figure.interval == pytest.approx(
            (expected.difference - half, expected.difference + half), abs=0.15 * half
        )
        assert figure.interval[0] <= expected.ci95[0] <= expected.ci95[1] <= figure.interval[1]


def test_p_is_that_of_a_loop_over_draws() -> None:
    a = rows(30, 1)
    b = moved(a, -0.06)
    rng = np.random.default_rng(0)
    loss = (a - b)[:, 0]
    means = np.array([loss[rng.integers(30, size=30)].mean() for _ in range(10_000)])
    figure = only(check([metrics(a, ["psnr"])], [metrics(b, ["psnr"])]))
    share = (np.count_nonzero(means <= figure.tolerance) + 1) / 10_001
    z = max(stats.norm.ppf(share), (figure.tolerance - means.mean()) / means.std())
    assert figure.p == pytest.approx(stats.t.cdf(z * math.sqrt(29 / 30), 29), rel=1e-9)


def test_a_loss_is_worse_and_what_is_not_is_the_same() -> None:
    a = rows(100)
    checked = check([metrics(a)], [metrics(moved(a, 0.0, 1.0))])
    assert verdicts(checked) == {"psnr": "same", "lpips": "worse"}
    assert not checked.passed
    psnr, lpips = checked.figures
    assert lpips.p_corrected < 1e-3
    assert lpips.corrected[0] > lpips.tolerance
    assert psnr.corrected[0] < 0 < psnr.corrected[1]


def test_equal_scores_are_the_same_for_certain() -> None:
    for scored in (metrics(rows(50)), metrics(rows(3)), segmentation(counts()), study(20.0, 2.0)):
        checked = check([scored], [scored])
        assert checked.passed
        for figure in checked.figures:
            assert (figure.verdict, figure.difference, figure.interval) == ("same", 0, (0, 0))
            assert (figure.corrected, figure.p, figure.p_corrected) == ((0, 0), 1, 1)
            assert not figure.worst


def test_changing_places_turns_the_verdict() -> None:
    a = rows(80)
    b = moved(a, 0.3, 0.3)
    there, back = check([metrics(a)], [metrics(b)]), check([metrics(b)], [metrics(a)])
    assert verdicts(there) == {"psnr": "better", "lpips": "worse"}
    assert verdicts(back) == {"psnr": "worse", "lpips": "better"}
    for x, y in zip(there.figures, back.figures, strict=True):
        assert x.difference == -y.difference
        assert x.interval == pytest.approx([-end for end in reversed(y.interval)], rel=1e-9)


def shuffled(scored: Scored, seed: int) -> Scored:
    order = np.random.default_rng(seed).permutation(len(scored.images)).tolist()
    return replace(
        scored,
        images=tuple(scored.images[i] for i in order),
        keys=tuple(scored.keys[i] for i in order),
        rows=scored.rows[order],
    )


@pytest.mark.parametrize("kind", ["metrics", "counts"])
def test_the_order_of_images_changes_nothing(kind: str) -> None:
    if kind == "metrics":
        pair = metrics(rows(40)), metrics(moved(rows(40), 0.1, 0.1))
    else:
        pair = segmentation(counts()), segmentation(counts(seed=1))
    checked = check([pair[0]], [pair[1]])
    assert check([shuffled(pair[0], 1)], [shuffled(pair[1], 2)]) == checked


def test_the_seed_decides() -> None:
    a, b = metrics(rows(40)), metrics(moved(rows(40), 0.0, 0.0))
    assert check([a], [b]) == check([a], [b])
    other = check([a], [b], Settings(seed=1))
    assert other.figures[0].interval != check([a], [b]).figures[0].interval


def test_scale_changes_nothing_but_the_scale() -> None:
    a, b = rows(50), moved(rows(50), -0.05, 0.05)
    loose = Settings(tolerance=Amount(relative=1e-6))
    small, large = (check([metrics(a * k)], [metrics(b * k)], loose) for k in (1, 1024))
    assert verdicts(small) == verdicts(large)
    for x, y in zip(small.figures, large.figures, strict=True):
        assert y.difference == pytest.approx(1024 * x.difference, rel=1e-12)
        assert y.interval == pytest.approx([1024 * end for end in x.interval], rel=1e-9)
        assert y.p == pytest.approx(x.p, rel=1e-9)


def test_a_tolerance_is_absolute_or_relative() -> None:
    a = rows(100, 1)
    pair = [metrics(a, ["lpips"])], [metrics(moved(a, 0.5), ["lpips"])]
    for tolerance, verdict in (
        (Amount(0.3), "worse"), (Amount(1.0), "same"),
        (Amount(relative=0.01), "worse"), (Amount(relative=0.05), "same"),
    ):  # fmt: skip
        assert only(check(*pair, Settings(tolerance=tolerance))).verdict == verdict


def test_a_gain_within_the_tolerance_is_no_better() -> None:
    a = rows(100, 1)
    pair = [metrics(a, ["psnr"])], [metrics(moved(a, 0.5), ["psnr"])]
    assert only(check(*pair)).verdict == "better"
    assert only(check(*pair, Settings(tolerance=Amount(1.0)))).verdict == "same"


def test_rounding_in_one_direction_is_the_same() -> None:
    a = rows(100)
    assert set(verdicts(check([metrics(a)], [metrics(a * (1 - 1e-12))])).values()) == {"same"}
    assert set(verdicts(check([metrics(a)], [metrics(a * (1 + 1e-12))])).values()) == {"same"}
    strict = Settings(tolerance=Amount())
    assert check([metrics(a)], [metrics(a * (1 + 1e-5))], strict).figures[1].verdict == "worse"


def test_few_images_tell_nothing() -> None:
    a = rows(9, 1)
    checked = check([metrics(a, ["lpips"])], [metrics(a + 5, ["lpips"])])
    figure = only(checked)
    assert figure.verdict == "cannot tell"
    assert figure.notes == ("9 images only, and 10 is the least that tells more than chance",)
    assert math.isnan(figure.p)
    assert checked.passed
    assert not check(
        [metrics(a, ["lpips"])], [metrics(a + 5, ["lpips"])], Settings(cannot_tell="fail")
    ).passed
    ten = rows(10, 1)
    assert only(check([metrics(ten, ["lpips"])], [metrics(ten + 5, ["lpips"])])).verdict == "worse"


def test_noise_that_could_hide_a_loss_cannot_be_told() -> None:
    a = rows(20, 1)
    b = moved(a, 0.0, noise=6)
    pair = [metrics(a, ["psnr"])], [metrics(b, ["psnr"])]
    assert only(check(*pair)).verdict == "cannot tell"
    assert only(check(*pair, Settings(detect=Amount(relative=0.5)))).verdict == "same"


def test_what_is_better_near_zero_is_judged_by_distance() -> None:
    a = np.random.default_rng(0).normal(-0.5, 0.1, (60, 1))
    pair = [metrics(a, ["spectrum"])], [metrics(-a, ["spectrum"])]
    assert only(check(*pair)).verdict == "same"
    nearer = only(check([metrics(a, ["spectrum"])], [metrics(-a / 2, ["spectrum"])]))
    assert (nearer.verdict, nearer.difference < 0) == ("better", True)
    further = only(check([metrics(a, ["spectrum"])], [metrics(-2 * a, ["spectrum"])]))
    assert (further.verdict, further.difference > 0) == ("worse", True)


@pytest.mark.parametrize("count", [50, 100, 500])
def test_a_copy_with_five_percent_of_its_images_damaged_fails(count: int) -> None:
    a = rows(count, 6)
    b = a.copy()
    damaged = np.random.default_rng(3).choice(count, -(-count // 20), replace=False)
    b[damaged] += np.where(np.arange(6) < 3, -5, 5)
    checked = check([metrics(a, SIX)], [metrics(b, SIX)])
    assert set(verdicts(checked).values()) == {"worse"}
    for figure in checked.figures:
        assert {entry.image for entry in figure.worst} == {f"image{i:04}" for i in damaged}


def test_broken_images_are_found_only_in_what_is_unchanged_else() -> None:
    a = rows(50, 1)
    b = a.copy()
    b[:3] -= 5
    one = b.copy()
    one[10] += 5  # one gained
    noise = moved(b, 0.0, noise=1.0)

    def verdict(current: Floats, settings: Settings | None = None) -> str:
        pair = [metrics(a, ["psnr"])], [metrics(current, ["psnr"])]
        return only(check(*pair, settings)).verdict

    # A single figure is significant as it is; with a tolerance of 0.1 dB it is not.
    strict = Settings(tolerance=Amount(0.1))
    assert verdict(b, strict) == "worse"
    assert (
        "3 images lost much (image0000, image0001, image0002)"
        in only(check([metrics(a, ["psnr"])], [metrics(b, ["psnr"])], strict)).notes[0]
    )
    assert verdict(one, strict) != "worse"
    assert verdict(noise, strict) != "worse"
    assert verdict(b, replace(strict, broken_images=4)) != "worse"
    assert verdict(b, replace(strict, broken_images=0)) != "worse"
    assert verdict(b, Settings(tolerance=Amount(0.5))) != "worse"  # the mean loss is 0.3 dB


def test_the_worst_images_come_first() -> None:
    a = rows(40, 1)
    b = a.copy()
    b[[7, 3, 30]] += [[2.0], [5.0], [3.0]]
    worst = only(check([metrics(a, ["lpips"])], [metrics(b, ["lpips"])])).worst
    assert [(entry.image, round(entry.loss, 9)) for entry in worst] == [
        ("image0003", 5), ("image0030", 3), ("image0007", 2),
    ]  # fmt: skip
    assert worst[0].baseline == a[3, 0]
    assert worst[0].current == b[3, 0]


class TestInfinite:
    def pair(self, count: int, *places: int) -> tuple[Floats, Floats]:
        a = rows(count, 1)
        a[: count // 2] = np.inf
        b = a.copy()
        b[list(places)] = 50
        return a, b

    def test_in_both_is_left_out(self) -> None:
        a, b = self.pair(60)
        b[40:] -= 1
        figure = only(check([metrics(a, ["psnr"])], [metrics(b, ["psnr"])]))
        assert (figure.verdict, figure.images) == ("worse", 30)
        assert figure.difference == pytest.approx(-20 / 30)

    def test_everywhere_in_both_is_the_same(self) -> None:
        a = np.full((20, 1), np.inf)
        figure = only(check([metrics(a, ["psnr"])], [metrics(a, ["psnr"])]))
        assert (figure.verdict, figure.images, figure.difference) == ("same", 0, 0)

    def test_lost_by_one_image_cannot_be_told_and_is_named(self) -> None:
        a, b = self.pair(100, 4)
        figure = only(check([metrics(a, ["psnr"])], [metrics(b, ["psnr"])]))
        assert (figure.verdict, figure.difference) == ("cannot tell", -math.inf)
        assert figure.notes == ("1 image lost an infinite value (image0004)",)
        assert figure.worst[0].image == "image0004"

    def test_lost_by_many_is_worse(self) -> None:
        a, b = self.pair(100, *range(8))
        assert only(check([metrics(a, ["psnr"])], [metrics(b, ["psnr"])])).verdict == "worse"
        a[:] = np.inf
        assert only(check([metrics(a, ["psnr"])], [metrics(b, ["psnr"])])).verdict == "worse"

    def test_gained_is_better(self) -> None:
        a, b = self.pair(100, *range(8))
        assert only(check([metrics(b, ["psnr"])], [metrics(a, ["psnr"])])).verdict == "better"

    def test_lost_here_and_gained_there_cannot_be_told(self) -> None:
        a, b = self.pair(100, *range(20))
        b[50:70] = np.inf
        figure = only(check([metrics(a, ["psnr"])], [metrics(b, ["psnr"])]))
        assert figure.verdict == "cannot tell"
        assert len(figure.notes) == 2


class TestCounts:
    def test_draws_are_those_of_a_loop(self) -> None:
        a, b = counts(30), counts(30, seed=1, hit=390)
        settings = Settings(draws=2000)
        checked = check([segmentation(a)], [segmentation(b)], settings)
        rng = np.random.default_rng(0)
        hists = paper_histogram(a)[0], paper_histogram(b)[0]
        losses = []
        for _ in range(2000):
            drawn = rng.integers(30, size=30)
            one, other = (paper_scores(hist[drawn].sum(0)) for hist in hists)
            losses.append(one.figures - other.figures)
        for figure, column in zip(checked.figures[:3], np.array(losses).T, strict=True):
            share = (np.count_nonzero(column <= figure.tolerance) + 1) / 2001
            if share > 10 / 2001:
                z = max(stats.norm.ppf(share), (figure.tolerance - column.mean()) / column.std())
                p = stats.t.cdf(z * math.sqrt(29 / 30), 29)
                assert figure.p == pytest.approx(p, rel=1e-6)
            else:
                assert figure.p < 0.01

    def test_one_class_that_got_worse_is_found(self) -> None:
        a = counts(60)
        b = a.copy()
        b[:, 1, 1] -= 100
        b[:, 1, 2] += 100
        checked = check([segmentation(a, "strict")], [segmentation(b, "strict")])
        worse = {figure.name for figure in checked.of("worse")}
        assert {"acc[class1]", "iou[class1]", "iou[class2]", "class_iou"} <= worse
        assert verdicts(checked)["acc[class0]"] == "same"
        assert verdicts(checked)["iou[class3]"] == "same"
        assert checked.of("worse")[0].worst[0].loss > 0

    def test_a_class_in_few_frames_cannot_be_told(self) -> None:
        a = counts(60)
        a[5:, 2] = 0
        a[5:, :, 2] = 0
        b = a.copy()
        b[:5, 2, 2] -= 200
        checked = check([segmentation(a, "strict")], [segmentation(b, "strict")])
        figure = next(f for f in checked.figures if f.name == "acc[class2]")
        assert (figure.verdict, figure.images) == ("cannot tell", 5)

    def test_a_class_that_never_occurs_is_left_out_and_named(self) -> None:
        a, b = counts(), counts(seed=1)
        for one in (a, b):
            one[:, 2] = 0
            one[:, :, 2] = 0
        checked = check([segmentation(a, "strict")], [segmentation(b, "strict")])
        assert "iou[class2]" not in verdicts(checked)
        assert any("iou[class2] is not defined in either" in note for note in checked.notes)

    def test_ignored_classes_do_not_shift_the_others(self) -> None:
        a, b = counts(), counts(seed=1, hit=350)
        every = check([segmentation(a)], [segmentation(b)]).figures
        some = check([segmentation(a)], [segmentation(b)], Settings(figures=("iou[class3]",)))
        expected = next(figure for figure in every if figure.name == "iou[class3]")
        assert only(some).interval == expected.interval


class TestStudy:
    def test_by_the_normal_distribution(self) -> None:
        figure = only(check([study(25.0, 2.0)], [study(20.0, 1.5)]))
        assert (figure.difference, figure.verdict, figure.images) == (-5, "worse", 0)
        assert figure.p == pytest.approx(stats.norm.sf((5 - figure.tolerance) / 2.5))
        half = stats.norm.ppf(0.975) * 2.5
        assert figure.interval == pytest.approx((-5 - half, -5 + half))

    def test_noise_passes(self) -> None:
        assert only(check([study(25.0, 2.0)], [study(24.0, 2.0)])).verdict == "cannot tell"

    def test_without_a_standard_deviation_nobody_can_tell(self) -> None:
        figure = only(check([study(25.0, None)], [study(24.0, 2.0)]))
        assert figure.verdict == "cannot tell"
        assert "no standard deviation" in figure.notes[0]


def test_exact_leaves_nothing_to_chance() -> None:
    a = rows(4)
    b = a + np.array([1e-3, 0])
    exact = Settings(exact=True)
    assert verdicts(check([metrics(a)], [metrics(b)], exact)) == {"psnr": "better", "lpips": "same"}
    assert verdicts(check([metrics(b)], [metrics(a)], exact)) == {"psnr": "worse", "lpips": "same"}
    assert check([metrics(a)], [metrics(b)], exact).passed
    assert not check([metrics(a)], [metrics(b)], replace(exact, better="fail")).passed
    assert check([study(20.0, 2.0)], [study(19.0, 2.0)], exact).figures[0].verdict == "worse"


def test_corrected_for_all_figures_of_all_experiments() -> None:
    a = rows(40, 1)
    b = moved(a, 0.05, noise=0.15)
    alone = only(check([metrics(a, ["lpips"])], [metrics(b, ["lpips"])]))
    names = [f"seed{n}" for n in range(8)]
    several = check(
        [metrics(a, ["lpips"], name) for name in names],
        [metrics(b if name == "seed0" else a, ["lpips"], name) for name in names],
    )
    assert several.figures[0].p == alone.p
    assert several.figures[0].p_corrected == pytest.approx(min(1, 8 * alone.p))
    assert several.figures[0].interval == alone.interval
    assert several.figures[0].corrected[0] < alone.corrected[0]


@pytest.mark.parametrize(("count", "skew"), [(10, False), (20, True), (100, True)])
def test_few_false_alarms(count: int, skew: bool) -> None:
    """Of 300 candidates as good as the baseline, six metrics each, at most 5 % are called worse."""
    rng = np.random.default_rng(count)
    settings = Settings(draws=1000)
    alarms = 0
    for _ in range(300):
        shared = rng.normal(size=(count, 1)) + rng.normal(size=(count, 6))
        a, b = (shared + 0.5 * (rng.normal(size=(count, 1)) + rng.normal(size=(count, 6)))
                for _ in range(2))  # fmt: skip
        if skew:
            a, b = np.exp(a), np.exp(b)
        alarms += bool(check([metrics(a, SIX)], [metrics(b, SIX)], settings).of("worse"))
    assert alarms <= 0.05 * 300


def test_threads_change_nothing() -> None:
    script = (
        "import sys, numpy as np; sys.path.insert(0, sys.argv[1])\n"
        "from made_scores import metrics\n"
        "from p2p_eval.gate.check import check\n"
        "a = np.random.default_rng(0).normal(20, 2, (400, 2))\n"
        "b = a + np.random.default_rng(1).normal(0, 1, (400, 2))\n"
        "print([(f.interval, f.p) for f in check([metrics(a)], [metrics(b)]).figures])"
    )
    helpers = Path(__file__).parents[2] / "helpers"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", script, str(helpers)],
            env={"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads,
                 "PYTHONPATH": ":".join(sys.path)},
            check=True, capture_output=True, text=True,
        ).stdout
        for threads in ("1", "2")
    }  # fmt: skip
    assert len(outputs) == 1


def test_speed_of_metrics() -> None:
    """500 images, 6 metrics, 10,000 draws: under two seconds of processor time, best of three."""
    a = rows(500, 6)
    pair = [metrics(a, SIX)], [metrics(moved(a, *[0.0] * 6), SIX)]
    assert quickest(pair) < 2


def test_speed_of_counts() -> None:
    """500 frames, 19 by 20 counts, 41 figures, 10,000 draws: under a second of processor time."""
    rng = np.random.default_rng(0)
    a, b = (rng.integers(0, 9, (500, 19, 20)) for _ in range(2))
    for one in (a, b):
        one[:, 18, 19] = 0
    assert quickest(([segmentation(a)], [segmentation(b)])) < 1


def quickest(pair: tuple[list[Scored], list[Scored]]) -> float:
    seconds = []
    for _ in range(3):
        start = time.process_time()
        check(*pair)
        seconds.append(time.process_time() - start)
    return min(seconds)


def test_rules_of_figures() -> None:
    a = rows(100)
    settings = Settings(tolerances=(Rule("*", Amount(2.0)), Rule("L1:lp*", Amount(0.1))))
    checked = check([metrics(a)], [metrics(moved(a, -1.0, 1.0))], settings)
    assert verdicts(checked) == {"psnr": "same", "lpips": "worse"}
    assert [figure.tolerance for figure in checked.figures] == [2.0, 0.1]

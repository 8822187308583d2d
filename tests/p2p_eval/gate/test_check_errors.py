"""What forbids comparing is an error that names all of it, and never a pass."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from made_scores import colors, metrics, segmentation, study

from p2p_eval.errors import GateError, InputError
from p2p_eval.gate.check import check
from p2p_eval.gate.scored import Scored
from p2p_eval.gate.settings import Rule, Settings

BASELINE = metrics(np.random.default_rng(0).normal(20, 2, (20, 2)))
COUNTS = np.random.default_rng(0).integers(1, 9, (20, 3, 3))


def problems(
    baseline: list[Scored], current: list[Scored], settings: Settings | None = None
) -> tuple[str, ...]:
    with pytest.raises(GateError) as caught:
        check(baseline, current, settings)
    assert isinstance(caught.value, InputError)  # exit code 2
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


def renamed(scored: Scored, names: Callable[[int, str], str]) -> Scored:
    return replace(scored, images=tuple(names(i, n) for i, n in enumerate(scored.images)))


def figures(scored: Scored, **changes: object) -> Scored:
    return replace(scored, figures=tuple(replace(f, **changes) for f in scored.figures))


def test_a_missing_score() -> None:
    (text,) = problems([BASELINE, segmentation(COUNTS)], [BASELINE])
    assert text.startswith("L1: fcn-score is missing: the baseline has it")
    assert len(problems([BASELINE, replace(BASELINE, experiment="b")], [])) == 2


def test_a_missing_figure() -> None:
    current = replace(BASELINE, figures=BASELINE.figures[:1], rows=BASELINE.rows[:, :1])
    (text,) = problems([BASELINE], [current])
    assert "1 figure of the baseline missing (lpips)" in text


def test_other_images() -> None:
    gone, fresh = problems([BASELINE], [renamed(BASELINE, lambda i, n: n if i > 6 else f"x{n}")])
    assert "7 images of the baseline missing (image0000, image0001, image0002, image0003, " in gone
    assert "image0004, …)" in gone
    assert "image0005" not in gone
    assert "7 images not in the baseline (ximage0000" in fresh


def test_other_targets() -> None:
    current = replace(BASELINE, keys=("f" * 64, *BASELINE.keys[1:]))
    (text,) = problems([BASELINE], [current])
    assert "1 image with another target or label (image0000)" in text


def test_another_signature() -> None:
    current = figures(BASELINE, signature="psnr|device:cuda|version:2")
    texts = problems([BASELINE], [current])
    assert "psnr: made with other settings than the baseline (device: cpu and cuda" in texts[0]
    assert "version: 1 and 2" in texts[0]
    assert "lpips and psnr" in texts[1]
    assert "nonsense" in problems([BASELINE], [figures(BASELINE, signature="nonsense|")])[0]


def test_duplicates() -> None:
    twice = renamed(BASELINE, lambda i, n: "image0001" if i == 0 else n)
    assert "the image image0001 twice in the baseline" in problems([twice], [BASELINE])[0]
    assert "the image image0001 twice in the current" in problems([BASELINE], [twice])[0]
    assert "L1: metrics twice in the current" in problems([BASELINE], [BASELINE, BASELINE])[0]
    named = figures(BASELINE, name="psnr")
    assert "the figure psnr twice in the baseline" in problems([named], [BASELINE])[0]


@pytest.mark.parametrize("side", [0, 1])
def test_figures_that_do_not_follow_from_their_rows(side: int) -> None:
    pair = [BASELINE, BASELINE]
    pair[side] = figures(BASELINE, value=21.0)
    texts = problems([pair[0]], [pair[1]])
    assert len(texts) == 2
    assert all("damaged or edited" in text for text in texts)
    edited = figures(segmentation(COUNTS), value=0.5)
    assert problems([edited], [segmentation(COUNTS)])


def test_values_that_are_no_numbers() -> None:
    rows = BASELINE.rows.copy()
    rows[3, 1] = math.nan
    edited = replace(BASELINE, rows=rows)
    assert "image0003: got NaN as a value in the baseline" in problems([edited], [BASELINE])[0]
    assert "got NaN as a value in the current scores" in problems([BASELINE], [edited])[0]


def test_not_a_number_on_one_side_only() -> None:
    (text,) = problems([study(math.nan, 1.0)], [study(20.0, 1.0)])
    assert "got nan in the baseline and 20 now" in text


def test_a_tolerance_without_direction() -> None:
    unknown = figures(study(20.0, 2.0), better=None)
    (text,) = problems([unknown], [unknown])
    assert "nobody says which direction is better" in text
    assert '"labelled_real_pct" = { better = "higher" }' in text
    said = Settings(tolerances=(Rule("labelled_real_pct", better="lower"),))
    assert check([unknown], [figures(study(9.0, 2.0), better=None)], said).figures[0].verdict == (
        "better"
    )


def test_contradicting_directions() -> None:
    said = Settings(tolerances=(Rule("psnr", better="lower"),))
    (text,) = problems([BASELINE], [BASELINE], said)
    assert "got higher as better in the baseline" in text
    assert "lower in the settings" in text
    assert len(problems([BASELINE], [figures(BASELINE, better="zero")])) == 2


def test_nothing_to_guard() -> None:
    assert "no figure to guard" in problems([], [BASELINE])[0]
    assert "no figure to guard" in problems([BASELINE], [BASELINE], Settings(ignore=("*",)))[0]
    (text,) = problems([BASELINE], [BASELINE], Settings(figures=("psnr", "pnsr")))
    assert "'pnsr', which fits no figure of the baseline; it has lpips, psnr" in text


def test_all_problems_at_once() -> None:
    other = replace(BASELINE, experiment="cGAN")
    texts = problems(
        [BASELINE, other, study(20.0, 2.0)],
        [figures(BASELINE, signature="a|b:1"), renamed(other, lambda i, n: f"x{n}")],
    )
    assert [text.split(":")[0] for text in texts] == ["L1", "L1", "cGAN", "cGAN", "L1"]


def test_figures_that_rows_do_not_give() -> None:
    scored = segmentation(COUNTS)
    other = replace(scored.figures[0], name="f1")
    with pytest.raises(InputError, match="f1: not a figure of fcn-score"):
        check(
            [replace(scored, figures=(other,))],
            [replace(segmentation(COUNTS + 1), figures=(other,))],
        )
    with pytest.raises(InputError, match="its signature does not say protocol"):
        check([figures(scored, signature="x|y:1")], [figures(scored, signature="x|y:1")])
    some = replace(scored, figures=scored.figures[:-1])
    with pytest.raises(InputError, match="of 3 classes some are missing"):
        check([some], [some])


def test_what_is_new_or_not_guarded_is_said() -> None:
    rows = np.hstack([BASELINE.rows, BASELINE.rows[:, :1]])
    current = metrics(rows, ["psnr", "lpips", "ssim"])
    fresh = replace(BASELINE, experiment="cGAN")
    settings = Settings(ignore=("lpips", "iou[*]"))
    checked = check([BASELINE], [current, fresh], settings)
    assert [figure.name for figure in checked.figures] == ["psnr"]
    assert checked.notes == (
        "L1: metrics: not guarded, as the settings say: lpips",
        "L1: metrics: not in the baseline: ssim; --update to guard it",
        "cGAN: metrics is not in the baseline; --update to guard it",
        "settings: 'iou[*]' fits no figure of the baseline",
    )


def test_colors() -> None:
    counts = np.random.default_rng(0).integers(0, 50, (30, 2, 3, 16))
    other = counts.copy()
    other[:, 0, 1] = np.sort(other[:, 0, 1])
    checked = check([colors(counts)], [colors(other)])
    assert [figure.verdict for figure in checked.figures] == ["same", "worse", "same"]
    unknown = replace(colors(counts), figures=(replace(colors(counts).figures[0], name="x"),))
    with pytest.raises(InputError, match="names none of L, a, b"):
        check([unknown], [unknown])

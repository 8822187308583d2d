"""What would make a seg-score wrong: warned of, or refused, and the other direction named."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from painted_run import COUNT, SCENES, Change, Run
from PIL import Image, ImageFilter

from p2p_eval.datasets.save import save_png
from p2p_eval.errors import InputError
from p2p_eval.results.doctor import diagnose
from p2p_eval.scoring.decoder import ColorDecoder
from p2p_eval.scoring.fcn_score import fcn_score
from p2p_eval.scoring.seg_score import seg_score
from p2p_eval.scoring.trial import try_frames


def test_jpegs_are_warned_of_and_signed(run: Run) -> None:
    for path in run.outputs():
        Image.open(path).save(path, "JPEG", quality=75)
    report = run.against_files()
    assert "|jpeg:yes|" in report.signature
    assert any("4 of 4 images are JPEGs, whose colours ring" in note for note in report.warnings)
    assert 0.9 < report.experiments[0].per_pixel_acc < 1


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image.filter(ImageFilter.GaussianBlur(2)),
        lambda image: image.reduce(4).resize((256, 256), Image.Resampling.BILINEAR),
        lambda image: image.resize((1024, 1024), Image.Resampling.BICUBIC),
    ],
    ids=["blurred", "reduced", "enlarged"],
)  # fmt: skip
def test_smoothed_outputs_are_warned_of(run: Run, change: Change) -> None:
    run.change(change)
    assert any("[smoothed-results]" in note for note in run.against_files().warnings)


def test_raw_outputs_are_not_taken_for_smoothed(run: Run) -> None:
    """What generators write: colours that are nearly right, and edges that are not steps."""
    rng = np.random.default_rng(1)

    def generated(image: Image.Image) -> Image.Image:
        soft = np.array(image.filter(ImageFilter.GaussianBlur(0.7)), float)
        return Image.fromarray(np.clip(soft + rng.normal(0, 4, soft.shape), 0, 255).astype("u1"))

    run.change(generated)
    assert run.against_files().warnings == run.score().warnings == []


def test_other_colours_are_warned_of(run: Run) -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 20, (256, 256, 3))
    run.change(lambda i: Image.fromarray(np.clip(np.array(i) + noise, 0, 255).astype("u1")))
    (warning,) = run.against_files().warnings
    assert "[far-colors]" in warning


@pytest.mark.parametrize("labels", ["files", "decoded"])
def test_photos_are_refused(run: Run, labels: str) -> None:
    for path in run.outputs():
        shutil.copy(str(path).replace("fake_B", "real_A"), path)
    run.change(lambda image: Image.fromarray(np.array(image) ^ 1))
    score = run.against_files if labels == "files" else run.score
    with pytest.raises(InputError, match=r"as if they were photos.*fcn-score \[output-is-photo\]"):
        score()
    assert not run.out.exists()


def swap(run: Run) -> None:
    """Make a labels→photo run of it."""
    for path in run.outputs():
        real, given = (Path(str(path).replace("fake_B", role)) for role in ("real_B", "real_A"))
        photo = np.array(Image.open(given))
        real.rename(given)
        save_png(real, photo)
        save_png(path, photo ^ 1)


def test_a_run_the_other_way_is_sent_to_fcn_score(run: Run) -> None:
    swap(run)
    with pytest.raises(InputError, match="input images have them: a labels→photo run is for f"):
        run.score()
    with pytest.raises(InputError, match=r"the outputs are the photos.*fcn-score.*output-is-photo"):
        run.against_files()


def test_fcn_score_sends_painted_outputs_here(run: Run) -> None:
    with pytest.raises(InputError, match=r"photo→labels run is for seg-score \[output-is-labels\]"):
        fcn_score(run.folder, labels=run.labels, weights="scenes", out=run.out)
    with pytest.raises(InputError, match="real images have them: a photo→labels run is for seg-sc"):
        fcn_score(run.folder, weights="scenes", out=run.out)


def side_by_side(run: Run, left: str, right: str) -> Path:
    folder = run.folder.parent / "sides"
    folder.mkdir(exist_ok=True)
    for path in run.outputs():
        halves = [np.array(Image.open(str(path).replace("fake_B", role))) for role in (left, right)]
        save_png(folder / path.name.replace("_fake_B", ""), np.hstack(halves))
    return folder


def test_halves_the_wrong_way_round(run: Run) -> None:
    options: dict[str, Any] = {"labels": run.labels, "label_set": "scenes", "out": run.out}
    folder = side_by_side(run, "fake_B", "real_A")
    with pytest.raises(InputError, match="--layout side-by-side:BA"):
        seg_score(folder, **options)
    assert seg_score(folder, layout="side-by-side:BA", **options).experiments[0].per_pixel_acc == 1
    with pytest.raises(InputError, match="no real label images beside the generated ones"):
        seg_score(folder, label_set="scenes", out=run.out)


def test_maps_of_ids_are_refused(run: Run) -> None:
    for path in run.outputs():
        shutil.copy(run.labels / path.name.replace("_fake_B", ""), path)
    with pytest.raises(InputError, match=r"4 results of 4 are gray.*RGB PNGs.*\[gray-results\]"):
        run.score()
    run.change(lambda image: image.convert("RGB"))
    with pytest.raises(InputError, match=r"all are gray: maps of label ids.*\[id-map-results\]"):
        run.score()


def test_collapse_is_said(run: Run) -> None:
    rng = np.random.default_rng(2)
    road = SCENES.palette[0]
    run.change(
        lambda i: Image.fromarray(rng.integers(road - 3, road + 4, (256, 256, 3)).astype("u1"))
    )
    report = run.against_files()
    (warning,) = report.warnings
    assert "100.0% of the pixels are painted as road" in warning
    assert "network" not in warning
    pairings = diagnose(run.folder, label_set=SCENES).pairings  # as the doctor's command does
    (finding,) = try_frames(pairings, SCENES, ColorDecoder(SCENES))
    assert (finding.code, finding.experiment) == ("one-class-predictions", "run")


def test_doctor_examines_it_as_photo_to_labels(run: Run) -> None:
    for options in ({"labels": run.labels}, {}):
        diagnosis = diagnose(run.folder, label_set=SCENES, **options)
        assert diagnosis.healthy
        assert {f.code for f in diagnosis.findings} <= {"decoded-labels"}
        assert [pairing.direction for pairing in diagnosis.pairings] == ["photo-to-labels"]
    run.change(lambda image: image.filter(ImageFilter.GaussianBlur(2)))
    assert "smoothed-results" in {f.code for f in diagnose(run.folder).findings}
    swap(run)
    (pairing,) = diagnose(run.folder).pairings
    assert pairing.direction == "labels-to-photo"


def test_labels_of_other_photos_are_refused(run: Run) -> None:
    names = sorted(path.name for path in run.labels.iterdir())
    maps = [np.array(Image.open(run.labels / name)) for name in names]
    for name, ids in zip(names, [*maps[1:], maps[0]], strict=True):
        save_png(run.labels / name, ids)
    with pytest.raises(InputError, match="labels-not-of-targets"):
        run.against_files()


def test_damaged_and_missing_images(run: Run) -> None:
    first, second, *_ = run.outputs()
    first.write_bytes(first.read_bytes()[:-30])
    with pytest.raises(InputError, match=f"{first.name}.*damaged"):
        run.against_files()
    second.unlink()
    report = run.against_files(keep_going=True)
    assert report.experiments[0].frames == COUNT - 2
    assert [line.split(":")[0] for line in report.left_out] == ["run/00001", "run/00000"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"protocol": "loose"}, "expected paper, strict or both"),
        ({"workers": 0}, "got workers 0"),
        ({"draws": 0}, "got draws 0"),
        ({"seed": -1}, "got seed -1"),
        ({"label_set": "facades"}, "have no colour of the label set facades"),
    ],
)
def test_options_are_refused(run: Run, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        run.score(**options)


@pytest.mark.data
def test_real_runs_of_the_other_direction(test_data: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a labels→photo run is for fcn-score"):
        seg_score(test_data / "results", label_set="facades", out=tmp_path)

"""A results folder to score files: the documents, the laws of the scores, what is refused."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fcn.labels import label_set
from fcn.network import FULL_WIDTHS, FCN8s
from fcn.weights import save_weights
from p2p_eval.errors import InputError, StoreError
from p2p_eval.scores import store
from p2p_eval.scores.confusion_file import read_confusion
from p2p_eval.scores.store import exclusive
from p2p_eval.scoring.fcn_score import fcn_score

FILES = ["confusion.npz", "evaluation_results.txt", "per_image.csv", "score.json"]
Make = Callable[..., Any]


def test_files_and_document(street: Any, standin: Make) -> None:
    report = street.score(standin())
    files = street.files()
    assert list(files) == FILES
    document = report.to_json()
    assert json.loads(files["score.json"]) == document
    assert document["schema"] == "p2p-eval/fcn-score/1"
    (entry,) = document["experiments"]
    assert (entry["name"], entry["frames"], entry["protocol"]) == ("results", 5, "paper")
    assert [row["class"] for row in entry["per_class"]] == list(label_set("cityscapes").names)
    for figure in ("per_pixel_acc", "per_class_acc", "class_iou"):
        low, high = entry["ci95"][figure]
        assert 0 <= low <= high <= 1
    table = list(csv.DictReader(io.StringIO(files["per_image.csv"].decode())))
    assert [row["image"] for row in table] == [f"frame{i}" for i in range(5)]
    assert sum(row["dropped"] == "1" for row in table) == entry["dropped_frames"]
    assert document["signature"] == entry["signature"]


def test_signature_names_every_setting(street: Any, standin: Make) -> None:
    signature = street.score(standin(), seed=3).signature
    assert signature.startswith("fcn-score|protocol:paper|labels:files|label-set:cityscapes@")
    for part in ("outputs:20", "resize:pil-bilinear", "weights:standin", "jpeg:no", "seed:3"):
        assert f"|{part}" in signature


def test_both_protocols(street: Any, standin: Make) -> None:
    paper, strict = street.score(standin(), protocol="both").experiments
    assert (paper.protocol, strict.protocol) == ("paper", "strict")
    both = street.files()
    assert list(both) == sorted([*FILES, "evaluation_results_strict.txt", "per_image_strict.csv"])
    street.score(standin(), protocol="strict")
    alone = street.files()
    assert list(alone) == FILES  # what the run with both protocols left is gone
    assert alone["evaluation_results.txt"] == both["evaluation_results_strict.txt"]
    assert alone["per_image.csv"] == both["per_image_strict.csv"]
    assert alone["confusion.npz"] == both["confusion.npz"]
    assert any("strict protocol gives" in note for note in paper.notes)


def test_dropped_frames_are_said_to_be(street: Any, standin: Make) -> None:
    entry = street.score(standin(lambda image: np.full(image.shape[:2], 19, np.uint8)))
    (paper,) = entry.experiments
    assert len(paper.dropped) == 5
    assert any("5 of 5 frames are dropped" in note for note in paper.notes)
    assert (paper.per_pixel_acc, paper.class_iou) == (0, 0)


def test_one_class_collapse_is_said_to_be(street: Any, standin: Make) -> None:
    report = street.score(standin(lambda image: np.full(image.shape[:2], 0, np.uint8)))
    assert any("100.0% of the pixels are predicted as road" in note for note in report.notes)
    assert b",road\n" in street.files()["per_image.csv"]


@pytest.mark.parametrize("protocol", ["paper", "strict"])
def test_perfect_predictions_score_one(street: Any, by_content: Make, protocol: str) -> None:
    table = label_set("cityscapes").id_to_train
    targets = [(path, table[np.array(Image.open(path))]) for path in street.labels.iterdir()]
    predictor = by_content(
        (street.results / path.name, np.where(target == 255, 19, target).astype(np.uint8))
        for path, target in targets
    )
    (entry,) = street.score(predictor, protocol=protocol).experiments
    figures = [entry.per_pixel_acc, entry.per_class_acc, entry.class_iou]
    np.testing.assert_allclose(figures, 1, rtol=1e-12)
    np.testing.assert_allclose(list(entry.ci95.values()), 1, rtol=1e-12)


def test_figures_do_not_depend_on_order_workers_or_batching(
    street: Any, standin: Make, tmp_path: Path
) -> None:
    one = street.score(standin(), workers=1).experiments[0]
    for path in [*street.results.iterdir(), *street.labels.iterdir()]:
        number = int(path.stem.removeprefix("frame"))
        path.rename(path.with_name(f"other{(number * 3 + 1) % 5}.png"))
    predictor = standin()
    other = street.score(predictor, workers=4).experiments[0]
    assert predictor.calls == 0  # renamed, but the content is known
    assert (one.per_class, one.class_iou) == (other.per_class, other.class_iou)


def test_frames_add_up(street: Any, standin: Make, tmp_path: Path) -> None:
    """Scoring halves and adding their counts is scoring the whole."""
    street.score(standin())
    whole = read_confusion(street.out / "results/fcn_score/confusion.npz")
    total = np.zeros_like(whole.counts[0])
    for half, names in enumerate((whole.images[:2], whole.images[2:])):
        part = tmp_path / f"half{half}"
        for kind in ("results", "labels"):
            (part / kind).mkdir(parents=True)
            for name in names:
                shutil.copy(getattr(street, kind) / f"{name}.png", part / kind)
        fcn_score(part / "results", labels=part / "labels", out=part / "out", predictor=standin())
        total += read_confusion(part / "out/results/fcn_score/confusion.npz").counts.sum(0)
    np.testing.assert_array_equal(total, whole.counts.sum(0))


def test_saved_predictions(street: Any, standin: Make) -> None:
    street.score(standin())
    plain = street.files()
    predictor = standin()
    street.score(predictor, save_predictions=True)
    assert predictor.calls == 5  # counts are known, the pictures are not
    files = street.files()
    assert sorted(set(files) - set(plain)) == [f"predictions/frame{i}.png" for i in range(5)]
    assert {name: files[name] for name in FILES} == plain
    with Image.open(io.BytesIO(files["predictions/frame0.png"])) as image:
        indices, colors = np.array(image), np.array(image.convert("RGB"))
    palette = np.vstack([label_set("cityscapes").palette, [(0, 0, 0)]])
    np.testing.assert_array_equal(colors, palette[indices])
    street.score(predictor, save_predictions=True)
    assert predictor.calls == 5


def test_predictions_of_other_weights_do_not_stay(street: Any, standin: Make) -> None:
    street.score(standin(), save_predictions=True)
    folder = street.out / "results/fcn_score/predictions"
    shutil.copy(street.results / "frame0.png", folder / "mine.png")
    street.score(standin())
    assert len(list(folder.iterdir())) == 6  # of the same weights
    (street.results / "frame4.png").unlink()
    street.score(standin(), keep_going=True)
    assert len(list(folder.iterdir())) == 5
    street.score(standin(identity="other weights"), keep_going=True)
    assert [path.name for path in folder.iterdir()] == ["mine.png"]


def test_jpegs_are_scored_and_said_to_be(street: Any, standin: Make) -> None:
    path = street.results / "frame2.png"
    Image.open(path).save(path.with_suffix(".jpg"))
    path.unlink()
    report = street.score(standin())
    assert "|jpeg:some|" in report.signature
    assert any("JPEG" in note for note in report.notes)


def test_several_experiments(street: Any, standin: Make) -> None:
    for name in ("a", "b"):
        shutil.copytree(street.results, street.results.parent / "runs" / name)
    shutil.copy(street.results / "frame0.png", street.results.parent / "runs/b/frame1.png")
    predictor, seen = standin(), []
    report = fcn_score(
        street.results.parent / "runs",
        labels=street.labels,
        out=street.out,
        predictor=predictor,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert [entry.name for entry in report.experiments] == ["a", "b"]
    assert report.experiments[0].per_pixel_acc != report.experiments[1].per_pixel_acc
    assert seen == [(i, 10) for i in range(1, 11)]
    assert json.loads(street.files("b")["score.json"])["experiments"][0]["name"] == "b"


def damage(street: Any) -> Path:
    path: Path = street.results / "frame3.png"
    path.write_bytes(path.read_bytes()[:-20])
    return path


def test_bad_image_ends_the_run_and_leaves_no_result(street: Any, standin: Make) -> None:
    path = damage(street)
    with pytest.raises(InputError, match=path.name):
        street.score(standin())
    assert "score.json" not in street.files()


def test_keep_going_leaves_it_out_and_names_it(street: Any, standin: Make) -> None:
    damage(street)
    (street.labels / "frame4.png").unlink()
    report = street.score(standin(), keep_going=True)
    assert report.experiments[0].frames == 3
    assert len(report.left_out) == 2
    assert report.left_out[0] == "results/frame4: it has no label map"
    assert report.left_out[1].startswith("results/frame3: the image is damaged")


def test_a_label_of_another_size_is_refused_or_left_out(street: Any, standin: Make) -> None:
    street.score(standin())
    path = street.labels / "frame2.png"
    Image.open(path).resize((50, 25), Image.Resampling.NEAREST).save(path)
    with pytest.raises(InputError, match=r"50×25 \(1\) \(frame2\.png\)"):
        street.score(standin())
    report = street.score(standin(), keep_going=True)
    assert report.experiments[0].frames == 4
    (left_out,) = report.left_out
    assert left_out.startswith(f"results/frame2: {path}: got a label map of 50×25, expected 48×24")


@pytest.mark.parametrize(("kind", "message"), [("labels", "no label"), ("results", "no image")])
def test_a_missing_file_is_refused_before_the_network_runs(
    street: Any, standin: Make, kind: str, message: str
) -> None:
    (getattr(street, kind) / "frame1.png").unlink()
    predictor = standin()
    with pytest.raises(InputError, match=f"{message}.*\n.*--keep-going"):
        street.score(predictor)
    assert predictor.calls == 0
    assert not street.out.exists()


def test_labels_without_a_class_are_refused(street: Any, standin: Make) -> None:
    for path in street.labels.iterdir():
        Image.fromarray(np.zeros((24, 48), np.uint8)).save(path)
    with pytest.raises(InputError, match="ignored"):
        street.score(standin())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"protocol": "loose"}, "expected paper, strict or both"),
        ({"workers": 0}, "got workers 0"),
        ({"seed": -1}, "got seed -1"),
        ({"draws": 0}, "got draws 0"),
        ({"layout": "mine"}, "expected auto"),
        ({"label_set": "camvid"}, "the weights have 20 outputs, expected 11 or 12"),
    ],
)
def test_options_are_refused(
    street: Any, standin: Make, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        street.score(standin(), **options)


def test_weights_must_fit_the_label_set(street: Any, tmp_path: Path) -> None:
    model = FCN8s(outputs=12, widths=dict.fromkeys(FULL_WIDTHS, 2))
    save_weights(model.state_dict(), tmp_path / "w.safetensors", {"label_set": "cityscapes"})
    with pytest.raises(InputError, match="12 outputs, expected 19 or 20"):
        fcn_score(
            street.results, labels=street.labels, weights=tmp_path / "w.safetensors", out=street.out
        )


def test_another_run_on_the_same_folder(street: Any, standin: Make) -> None:
    with exclusive(street.out), pytest.raises(StoreError, match="another run"):
        street.score(standin())
    street.score(standin())


def fill_disk(patched: pytest.MonkeyPatch, allowed: int) -> None:
    """Let so many files reach the disk, and no more."""
    fsync, calls = os.fsync, 0

    def full(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls > allowed:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(descriptor)

    patched.setattr(store.os, "fsync", full)


def test_full_disk_at_every_write(
    street: Any, standin: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever file finds the disk full: a StoreError, no new result, and the next run goes on."""
    street.score(standin())
    expected = street.files()
    for allowed in range(len(FILES)):
        shutil.rmtree(street.out)
        with monkeypatch.context() as patched:
            fill_disk(patched, allowed)
            with pytest.raises(StoreError, match="free some disk space"):
                street.score(standin())
        assert list(street.files()) == ["journal.jsonl"]
        again = standin()
        street.score(again)
        assert again.calls == 0
        assert street.files() == expected


def test_full_disk_leaves_the_old_results_of_all_experiments(
    street: Any, standin: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = street.results.parent / "runs"
    for name in ("a", "b"):
        shutil.copytree(street.results, runs / name)

    def score(seed: int) -> None:
        fcn_score(runs, labels=street.labels, out=street.out, predictor=standin(), seed=seed)

    score(seed=0)
    old = street.files("a"), street.files("b")
    for allowed in (2, 6):
        with monkeypatch.context() as patched:
            fill_disk(patched, allowed)
            with pytest.raises(StoreError, match="free some disk space"):
                score(seed=1)
        assert (street.files("a"), street.files("b")) == old
    score(seed=1)
    assert street.files("a") != old[0]
    assert street.files("b") != old[1]

"""Photo→labels results to score files: known counts, sizes, what a killed run leaves."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from painted_run import COUNT, SCENES, Run, figures
from PIL import Image

from p2p_eval.datasets.save import save_png
from p2p_eval.errors import InputError
from p2p_eval.metrics.confusion import joint_counts
from p2p_eval.scores.confusion_file import read_confusion
from p2p_eval.scoring.decoder import ColorDecoder
from p2p_eval.scoring.seg_score import seg_score

Pixels = NDArray[np.uint8]
FILES = ["confusion.npz", "evaluation_results.txt", "per_image.csv", "score.json"]


def test_perfect_paintings_score_one(run: Run) -> None:
    for report in (run.score(protocol="strict"), run.against_files(protocol="strict")):
        assert figures(report) == [1, 1, 1]
        assert not report.warnings


def test_files_document_and_signature(run: Run) -> None:
    report = run.against_files(seed=3)
    files = run.files()
    assert list(files) == FILES
    document = json.loads(files["score.json"])
    assert document == report.to_json()
    assert list(document) == ["schema", "signature", "experiments"]
    assert document["schema"] == "p2p-eval/seg-score/1"
    (entry,) = document["experiments"]
    assert (entry["name"], entry["frames"], entry["dropped_frames"]) == ("run", COUNT, 0)
    assert [row["class"] for row in entry["per_class"]] == list(SCENES.names)
    assert entry["signature"] == document["signature"]
    assert document["signature"].startswith(
        f"seg-score|protocol:paper|labels:files|label-set:scenes@{SCENES.digest}|"
        "decoder:nearest-rgb-19|resize:nearest|jpeg:no|bootstrap:20|seed:3|version:"
    )
    assert "|labels:decoded|" in run.score().signature
    assert "|resize:none|" in run.score().signature


def test_a_known_corruption_gives_known_counts(run: Run) -> None:
    """Every car painted as road, and noise that is too small to change a class."""
    road, car = (SCENES.names.index(name) for name in ("road", "car"))
    rng = np.random.default_rng(0)

    def corrupt(image: Image.Image) -> Image.Image:
        pixels = np.array(image).astype(int)
        pixels[(pixels == SCENES.palette[car]).all(-1)] = SCENES.palette[road]
        return Image.fromarray(
            np.clip(pixels + rng.integers(-3, 4, pixels.shape), 0, 255).astype("u1")
        )

    run.change(corrupt)
    report = run.against_files(protocol="both")
    targets = [SCENES.id_to_train[np.array(Image.open(p))] for p in sorted(run.labels.iterdir())]
    expected = np.array([joint_counts(t, np.where(t == car, road, t), 20, 20) for t in targets])
    assert expected[:, car, road].sum() > 1000
    counts = read_confusion(run.out / "run/seg_score/confusion.npz").counts
    np.testing.assert_array_equal(counts, expected[:, :19, :19])
    assert report.experiments[1].per_class[car].acc == 0
    assert report.experiments[1].per_class[road].acc == 1
    pixels = sum(int((t < 255).sum()) for t in targets)
    share = 1 - expected[:, car, road].sum() / pixels
    assert report.experiments[1].per_pixel_acc == pytest.approx(share, rel=1e-15)


def test_black_is_a_class_in_outputs_and_ignored_in_labels(run: Run) -> None:
    """The decoder knows no ignored classes, and the real image's colours do."""
    for path in run.folder.glob("*_real_B.png"):
        pixels = np.array(Image.open(path))
        pixels[:99] = 0
        save_png(path, pixels)
    run.score(protocol="strict")
    counts = read_confusion(run.out / "run/seg_score/confusion.npz").counts
    assert (counts.sum((1, 2)) <= (256 - 99) * 256).all()
    run.change(
        lambda image: Image.fromarray(
            np.array(image) * (np.arange(256) % 2)[:, None, None].astype("u1")
        )
    )
    run.score(protocol="strict")
    counts = read_confusion(run.out / "run/seg_score/confusion.npz").counts
    truck = SCENES.names.index("truck")  # the darkest colour
    assert counts[:, :, truck].sum() > 0.4 * counts.sum()


@pytest.mark.parametrize("size", [(1024, 512), (128, 64)])
def test_predicted_classes_are_brought_to_the_labels_size(run: Run, size: tuple[int, int]) -> None:
    """Each new pixel has the class below its centre; colours are never blended."""
    for path in run.labels.iterdir():
        image = Image.open(path)
        image.resize(size, Image.Resampling.NEAREST).save(path)
    assert figures(run.against_files(protocol="strict")) == [1, 1, 1]


def test_painted_labels_must_have_the_outputs_size(run: Run) -> None:
    run.change(lambda image: image.resize((128, 128), Image.Resampling.NEAREST), most=1)
    with pytest.raises(InputError, match=r"1 of 4 outputs have another size.*128×128, and 256×256"):
        run.score()
    report = run.score(keep_going=True)
    assert report.experiments[0].frames == COUNT - 1
    assert report.left_out[0].startswith("run/00000: got 128×128 pixels, expected 256×256")
    report = run.against_files()
    assert report.experiments[0].frames == COUNT
    assert any("[target-sizes]" in note for note in report.warnings)
    assert any("[image-sizes]" in note for note in report.warnings)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[Pixels]:
    """Every image that is decoded."""
    images: list[Pixels] = []
    decode = ColorDecoder.__call__

    def noted(self: ColorDecoder, image: Pixels) -> Pixels:
        images.append(image)
        return decode(self, image)

    monkeypatch.setattr(ColorDecoder, "__call__", noted)
    return images


def test_known_counts_are_reused_by_content(run: Run, decoded: list[Pixels]) -> None:
    run.against_files()
    first = run.files()
    assert len(decoded) == COUNT
    run.against_files(protocol="strict", seed=1)
    run.against_files()
    assert len(decoded) == COUNT
    assert run.files() == first
    run.change(lambda image: Image.fromarray(np.array(image)[::-1].copy()), most=1)
    run.against_files()
    assert len(decoded) == COUNT + 1
    run.score()  # against other labels
    assert len(decoded) == 2 * COUNT + 1


def test_saved_predictions_show_what_was_decoded(run: Run) -> None:
    run.against_files(save_predictions=True)
    with Image.open(run.out / "run/seg_score/predictions/00000.png") as image:
        colors = np.array(image.convert("RGB"))
    target = SCENES.id_to_train[np.array(Image.open(run.labels / "00000.png"))]
    counted = target < 255
    np.testing.assert_array_equal(colors[counted], SCENES.palette[target[counted]])
    # Below the results, they are no results.
    assert run.score(out=run.folder / "scores").experiments[0].frames == COUNT


SLOW = """
import sys, time
from p2p_eval.scoring.decoder import ColorDecoder
from p2p_eval.scoring.seg_score import seg_score

decode = ColorDecoder.__call__

def slow(self, image):
    time.sleep(0.2)
    return decode(self, image)

ColorDecoder.__call__ = slow
results, labels, out = sys.argv[1:]
seg_score(results, labels=labels, out=out, label_set="scenes", draws=20, protocol="both", workers=2)
"""


def test_a_killed_run_goes_on_to_the_same_bytes(run: Run, decoded: list[Pixels]) -> None:
    journal = run.out / "run" / "seg_score" / "journal.jsonl"
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW, str(run.folder), str(run.labels), str(run.out)],
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 60
    while not (journal.exists() and journal.read_bytes()) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    _, message = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL, message
    assert list(run.files()) == ["journal.jsonl"]
    run.against_files(protocol="both")
    assert 0 < len(decoded) < COUNT
    finished = run.files()
    assert "journal.jsonl" not in finished
    run.against_files(protocol="both", fresh=True)
    assert run.files() == finished


def test_no_network_no_torch(run: Run) -> None:
    code = (
        "import sys, p2p_eval; p2p_eval.seg_score(*sys.argv[1:2], out=sys.argv[2], draws=2); "
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(run.folder), str(run.out)], check=True)


@pytest.mark.data
def test_real_label_images_against_themselves(test_data: Path, tmp_path: Path) -> None:
    """The facades set has its labels as JPEGs: decoded, they are their own ground truth."""
    folder = tmp_path / "run"
    folder.mkdir()
    for path in sorted((test_data / "facades" / "test").iterdir())[8:24]:
        with Image.open(path) as image:
            photo, painted = np.hsplit(np.array(image), 2)
        save_png(folder / f"{path.stem}_real_A.png", photo)
        save_png(folder / f"{path.stem}_real_B.png", painted)
        save_png(folder / f"{path.stem}_fake_B.png", painted)
    report = seg_score(folder, label_set="facades", protocol="strict", out=tmp_path / "out")
    assert figures(report) == [1, 1, 1]
    assert {n.rpartition("[")[2] for n in report.notes} == {
        "results-are-targets]", "decoded-labels]",
    }  # fmt: skip

"""Photo→labels results to score files: known counts, sizes, what is diagnosed, what is refused."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from fcn.labels import label_set
from p2p_eval.datasets.save import save_png
from p2p_eval.datasets.scenes import first_seed, make
from p2p_eval.errors import InputError
from p2p_eval.metrics.confusion import joint_counts
from p2p_eval.results.doctor import diagnose
from p2p_eval.results.layouts import find_experiments
from p2p_eval.results.pairing import pair
from p2p_eval.scores.confusion_file import read_confusion
from p2p_eval.scoring.decoder import ColorDecoder
from p2p_eval.scoring.fcn_score import fcn_score
from p2p_eval.scoring.seg_score import seg_score
from p2p_eval.scoring.segmentation_report import SegmentationReport
from p2p_eval.scoring.trial import try_frames

SCENES = label_set("scenes")
FILES = ["confusion.npz", "evaluation_results.txt", "per_image.csv", "score.json"]
COUNT = 4
Pixels = NDArray[np.uint8]
Change = Callable[[Image.Image], Image.Image]

COLORS = np.zeros((256, 3), np.uint8)
for row in SCENES.rows:
    COLORS[row.id] = row.color


@dataclass(frozen=True)
class Run:
    """What a photo→labels run on scenes leaves: perfect paintings, until a test spoils them."""

    folder: Path
    labels: Path
    out: Path

    def score(self, **options: Any) -> SegmentationReport:
        keywords = {"label_set": "scenes", "out": self.out, "workers": 2, "draws": 20, **options}
        return seg_score(self.folder, **keywords)

    def against_files(self, **options: Any) -> SegmentationReport:
        return self.score(labels=self.labels, **options)

    def outputs(self) -> list[Path]:
        return sorted(self.folder.glob("*_fake_B.*"))

    def change(self, change: Change, most: int = COUNT) -> None:
        for path in self.outputs()[:most]:
            with Image.open(path) as image:
                changed = change(image)
            changed.save(path)

    def files(self) -> dict[str, bytes]:
        folder = self.out / "run" / "seg_score"
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }


@pytest.fixture(scope="session")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenes")
    make(folder, COUNT, first_seed=first_seed("test"))
    return folder


@pytest.fixture
def run(scenes: Path, tmp_path: Path) -> Run:
    made = Run(tmp_path / "run", tmp_path / "labels", tmp_path / "out")
    made.folder.mkdir()
    shutil.copytree(scenes / "labels", made.labels)
    for path in sorted(made.labels.iterdir()):
        painted = COLORS[np.array(Image.open(path))]
        # One pixel apart from the real image: no generator paints its very pixels.
        save_png(made.folder / f"{path.stem}_real_B.png", painted)
        painted[0, 0] ^= 1
        save_png(made.folder / f"{path.stem}_fake_B.png", painted)
        shutil.copy(scenes / "photos" / path.name, made.folder / f"{path.stem}_real_A.png")
    return made


def figures(report: SegmentationReport) -> list[float]:
    (entry,) = report.experiments
    return [entry.per_pixel_acc, entry.per_class_acc, entry.class_iou]


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


def numbered(run: Run, tree: Path, first: int) -> Path:
    """The run again, numbered, and the original tree that its frames stand in."""
    folder = run.folder.parent / "numbered"
    folder.mkdir(exist_ok=True)
    for number, label in enumerate(sorted(run.labels.iterdir())):
        name = f"ulm_000000_{number * 3:06d}"
        for path, source in (
            (tree / "gtFine/val/ulm" / f"{name}_gtFine_labelIds.png", label),
            (
                tree / "leftImg8bit/val/ulm" / f"{name}_leftImg8bit.png",
                run.folder / f"{label.stem}_real_A.png",
            ),
        ):
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, path)
        for role in ("real_A", "fake_B", "real_B"):
            source = run.folder / f"{label.stem}_{role}.png"
            shutil.copy(source, folder / f"{number + first}_{role}.png")
    return folder


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("evidence", ["real label images", "real photos"])
def test_numbers_are_verified_by_content(run: Run, first: int, evidence: str) -> None:
    tree = run.folder.parent / "cityscapes"
    folder = numbered(run, tree, first)
    if evidence == "real photos":
        for path in folder.glob("*_real_B.png"):
            path.unlink()
    options: dict[str, Any] = {"cityscapes": tree, "label_set": "scenes", "out": run.out}
    report = seg_score(folder, protocol="strict", **options)
    assert figures(report) == [1, 1, 1]
    (experiment,) = find_experiments(folder)
    pairing = pair(experiment, cityscapes=tree, label_set=SCENES, direction="photo-to-labels")
    assert f"counted from {first}; verified by content: " in pairing.how
    assert evidence in pairing.how


def test_shifted_numbers_are_refused(run: Run) -> None:
    tree = run.folder.parent / "cityscapes"
    folder = numbered(run, tree, 2)
    with pytest.raises(InputError, match="the numbers are shifted"):
        seg_score(folder, cityscapes=tree, label_set="scenes", out=run.out)


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


@pytest.mark.data
def test_real_runs_of_the_other_direction(test_data: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a labels→photo run is for fcn-score"):
        seg_score(test_data / "results", label_set="facades", out=tmp_path)

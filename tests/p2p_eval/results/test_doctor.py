"""The doctor finds each mistake that users made, and is silent about what is right."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from unittest.mock import Mock, call

import numpy as np
import pytest
from PIL import Image

from fcn.labels import label_set
from p2p_eval.errors import InputError
from p2p_eval.results.doctor import PER_FRAME, Finding, check, diagnose, examine
from p2p_eval.results.findings import collapse_findings
from p2p_eval.results.layouts import find_experiments
from p2p_eval.results.pairing import Pairing, pair

Write = Callable[..., Path]
CITYSCAPES = label_set("cityscapes")


@pytest.fixture
def case(golden: Path, tmp_path: Path) -> Path:
    """A writable copy of a golden case: six frames, nothing wrong but small labels."""
    for name in ("results", "cityscapes"):
        shutil.copytree(golden / "fcn" / "slim_a" / name, tmp_path / name)
    return tmp_path


def paired(case: Path) -> Pairing:
    (experiment,) = find_experiments(case / "results")
    return pair(experiment, cityscapes=case / "cityscapes", label_set=CITYSCAPES)


def found(case: Path, full: bool = True) -> dict[str, Finding]:
    """Findings of a case by code, the expected remark on its labels' size left out."""
    findings = {f.code: f for f in examine(paired(case), CITYSCAPES, full=full)}
    findings.pop("labels-reduced", None)
    return findings


def results(case: Path) -> list[Path]:
    return sorted((case / "results").iterdir())


def change_labels(case: Path, change: Callable[[Image.Image], Image.Image], most: int = 9) -> None:
    for path in sorted((case / "cityscapes").rglob("*_labelIds.png"))[:most]:
        with Image.open(path) as image:
            image.load()
        change(image).save(path)


def resize(width: int, height: int) -> Callable[[Image.Image], Image.Image]:
    return lambda image: image.resize((width, height), Image.Resampling.NEAREST)


def lookup(table: Iterable[int]) -> Callable[[Image.Image], Image.Image]:
    values = np.array(list(table), np.uint8)
    return lambda image: Image.fromarray(values[np.asarray(image)])


@pytest.mark.parametrize("full", [True, False])
def test_nothing_is_wrong_with_a_golden_case(case: Path, full: bool) -> None:
    assert found(case, full) == {}
    assert [f.code for f in check(paired(case), CITYSCAPES)] == ["labels-reduced"]


@pytest.mark.parametrize("full", [True, False])
def test_labels_that_were_resized(case: Path, full: bool) -> None:
    change_labels(case, resize(256, 256))
    assert found(case, full)["labels-resized"].level == "error"
    assert "0.39" in found(case, full)["labels-resized"].message
    with pytest.raises(InputError, match="256×256"):
        check(paired(case), CITYSCAPES)


@pytest.mark.parametrize("size", [(1024, 512), (256, 256), (1, 1)])
def test_labels_of_another_size_than_most(case: Path, size: tuple[int, int]) -> None:
    change_labels(case, resize(*size), most=2)
    findings = found(case)
    assert [code for code in findings if "label" in code] == ["odd-label-sizes"]
    assert findings["odd-label-sizes"].level == "error"
    assert len(findings["odd-label-sizes"].where) == 2
    with pytest.raises(InputError, match=f"{size[0]}×{size[1]}"):
        check(paired(case), CITYSCAPES)
    assert check(paired(case), CITYSCAPES, keep_going=True)


def test_labels_of_many_sizes(case: Path) -> None:
    change_labels(case, resize(1024, 512), most=3)
    assert found(case)["label-sizes"].level == "error"
    with pytest.raises(InputError, match=r"512×256 \(3\)|1024×512 \(3\)"):
        check(paired(case), CITYSCAPES, keep_going=True)


def test_sizes_matter_under_every_label_set(tmp_path: Path, photo: Write) -> None:
    for number in range(3):
        photo(tmp_path / "run" / f"{number}.png", size=(256, 256))
        ids = np.random.default_rng(number).integers(0, 12, (36, 48 + number // 2), np.uint8)
        (tmp_path / "labels").mkdir(exist_ok=True)
        Image.fromarray(ids).save(tmp_path / "labels" / f"{number}.png")
    options = {"labels": tmp_path / "labels", "label_set": label_set("camvid")}
    (finding,) = diagnose(tmp_path / "run", **options).findings
    assert (finding.level, finding.code, finding.where) == ("error", "odd-label-sizes", ("2.png",))


def test_colour_labels(case: Path) -> None:
    change_labels(case, lambda image: image.convert("RGB"), most=2)
    finding = found(case, full=False)["color-labels"]
    assert finding.level == "error"
    assert len(finding.where) == 2
    assert finding.code in PER_FRAME
    with pytest.raises(InputError, match=r"gtFine_labelIds.*\nor score .* --keep-going"):
        check(paired(case), CITYSCAPES)
    assert check(paired(case), CITYSCAPES, keep_going=True)


def test_labels_that_are_train_ids(case: Path) -> None:
    change_labels(case, lookup(CITYSCAPES.id_to_train))
    assert found(case)["labels-train-ids"].level == "error"
    change_labels(case, lookup(np.where(np.arange(256) == 255, 0, np.arange(256) % 7)))
    assert found(case)["labels-train-ids"].level == "error"


def test_train_ids_are_right_where_they_are_the_ids(tmp_path: Path, photo: Write) -> None:
    for number in range(3):
        photo(tmp_path / "run" / f"{number}.png", size=(256, 256))
        ids = np.random.default_rng(number).integers(0, 12, (36, 48), np.uint8)
        (tmp_path / "labels").mkdir(exist_ok=True)
        Image.fromarray(ids).save(tmp_path / "labels" / f"{number}.png")
    options = {"labels": tmp_path / "labels"}
    assert diagnose(tmp_path / "run", label_set=label_set("camvid"), **options).findings == ()
    assert not diagnose(tmp_path / "run", **options).healthy


def test_unknown_ids(case: Path) -> None:
    change_labels(case, lookup([200 if i == 26 else i for i in range(256)]))
    finding = found(case)["unknown-ids"]
    assert finding.level == "warning"
    assert ": 200;" in finding.message
    change_labels(case, lookup([i + 100 if i < 30 else i for i in range(256)]))
    assert found(case)["unknown-ids"].level == "error"


def test_labels_without_classes(case: Path) -> None:
    change_labels(case, lookup([0] * 256))
    assert found(case)["labels-ignored"].level == "error"
    change_labels(case, lookup([26] * 256))
    assert "car" in found(case)["one-class-labels"].message


def test_jpeg_by_content(case: Path) -> None:
    for path in results(case):
        Image.open(path).save(path, "JPEG")
    finding = found(case, full=False)["jpeg-results"]
    assert finding.level == "warning"
    assert "6 of 6" in finding.message
    assert finding.where == ()  # all are meant


def test_modes(case: Path) -> None:
    first, second, third, *_ = results(case)
    Image.open(first).convert("P").save(first)
    Image.open(second).convert("RGBA").save(second)
    assert found(case)["converted-images"].where == (first.name, second.name)
    Image.open(third).convert("L").save(third)
    assert "gray" in found(case, full=False)["unusable-images"].message


@pytest.mark.parametrize("full", [True, False])
def test_no_note_is_about_what_cannot_be_used(case: Path, full: bool) -> None:
    for path in results(case):
        Image.new("RGBA", (256, 256), (1, 2, 3, 128)).save(path)
    change_labels(case, lambda image: image.convert("RGB"), most=6)
    for number in range(20):  # more than are sampled
        shutil.copy(results(case)[0], case / "results" / f"ulm_0_{number}_leftImg8bit.png")
        label = next((case / "cityscapes").rglob("*_labelIds.png"))
        shutil.copy(label, label.with_name(f"ulm_0_{number}_gtFine_labelIds.png"))
    findings = examine(paired(case), CITYSCAPES, full=full)
    assert {finding.code for finding in findings} == {"unusable-images", "color-labels"}
    assert findings[0].message.startswith("26 images cannot be used, the first: ")


def test_truncated_image(case: Path) -> None:
    path = results(case)[1]
    path.write_bytes(path.read_bytes()[:-20])
    assert found(case)["unusable-images"].where == (path.name,)


def test_sizes(case: Path) -> None:
    first, *others = results(case)
    Image.open(first).resize((128, 128)).save(first)
    assert found(case)["image-sizes"].where == (first.name,)
    for path in others:
        Image.open(path).resize((128, 128)).save(path)
    assert found(case)["image-size"].level == "note"


def test_unmatched(case: Path) -> None:
    results(case)[0].unlink()
    next((case / "cityscapes").rglob("lindau*_labelIds.png")).unlink()
    findings = found(case)
    assert findings["unmatched-labels"].where == ("frankfurt_000000_000307",)
    assert findings["unmatched-images"].level == "error"


def test_copies(case: Path) -> None:
    first, second, *others = results(case)
    shutil.copy(first, second)
    assert found(case)["duplicate-images"].where == (first.name, second.name)
    for path in others:
        shutil.copy(first, path)
    assert "one and the same" in found(case)["identical-images"].message
    for path in results(case):
        Image.new("RGB", (256, 256), (1, 2, 3)).save(path)
    assert "flat-images" in found(case)


def test_results_that_are_inputs_or_real_images(tmp_path: Path, photo: Write) -> None:
    for number in (1, 2):
        source = photo(tmp_path / "real" / f"{number}.png", size=(16, 16))
        shutil.copy(source, photo(tmp_path / "fake" / f"{number}.png"))
    codes = [f.code for f in diagnose(tmp_path / "fake", real=tmp_path / "real").findings]
    assert "results-are-targets" in codes
    for number in (1, 2):
        shutil.copy(tmp_path / "fake" / f"{number}.png", tmp_path / f"{number}_fake_B.png")
        shutil.copy(tmp_path / "fake" / f"{number}.png", tmp_path / f"{number}_real_A.png")
    shutil.rmtree(tmp_path / "fake")
    shutil.rmtree(tmp_path / "real")
    findings = {f.code: f for f in diagnose(tmp_path).findings}
    assert findings["results-are-inputs"].level == "error"


def test_labels_of_other_inputs(
    tmp_path: Path, tree: Path, numbered_run: Callable[..., Path]
) -> None:
    """A shift by one in names that are paired by stem."""
    folder = tmp_path / "labels"
    folder.mkdir()
    for number, path in enumerate(sorted(tree.rglob("*_labelIds.png"))):
        shutil.copy(path, folder / f"{number}.png")
    findings = diagnose(numbered_run(), labels=folder).findings
    assert "labels-not-of-inputs" not in [f.code for f in findings]
    shutil.rmtree(tmp_path / "results")
    findings = diagnose(numbered_run(shift=1), labels=folder).findings
    assert findings[0].code == "labels-not-of-inputs"
    assert findings[0].level == "error"


def test_outputs_that_are_label_maps(
    tmp_path: Path, tree: Path, numbered_run: Callable[..., Path]
) -> None:
    images = next(numbered_run().rglob("images"))
    folder = tmp_path / "labels"
    folder.mkdir()
    for number, path in enumerate(sorted(tree.rglob("*_labelIds.png"))):
        shutil.copy(path, folder / f"{number}.png")
        with Image.open(images / f"{number}_fake_B.png") as noise:
            noise.load()
        bright = Image.fromarray(np.asarray(noise) // 2 + 128)
        (images / f"{number}_real_A.png").rename(images / f"{number}_fake_B.png")
        bright.save(images / f"{number}_real_A.png")
    codes = [f.code for f in diagnose(images, labels=folder).findings]
    assert "output-is-labels" in codes


def test_collapsed_predictions() -> None:
    counts = np.full((19, 20), 10, np.int64)
    assert collapse_findings(counts, CITYSCAPES.names) == []
    counts[:, 0] = 100_000
    (finding,) = collapse_findings(counts, CITYSCAPES.names)
    assert finding.code == "one-class-predictions"
    assert "road" in finding.message


def test_progress_counts_the_images_of_all_experiments(case: Path) -> None:
    shutil.copytree(case / "results", case / "runs" / "a")
    shutil.copytree(case / "results", case / "runs" / "b")
    for options in ({"cityscapes": case / "cityscapes"}, {}):
        progress = Mock()
        diagnose(case / "runs", progress=progress, **options)
        assert progress.call_args_list == [call(done, 12) for done in range(1, 13)]


def test_images_are_examined_without_labels(case: Path) -> None:
    for path in results(case):
        Image.open(path).save(path, "JPEG")
    diagnosis = diagnose(case / "results")
    assert [f.code for f in diagnosis.findings] == ["labels", "jpeg-results"]
    assert diagnosis.healthy
    assert diagnosis.pairings == ()
    assert not diagnose(case / "results", labels=case / "results").healthy
    with pytest.raises(InputError, match="no such folder"):
        diagnose(case / "absent")


def test_what_was_to_be_scored_and_has_no_labels_is_an_error(case: Path) -> None:
    diagnosis = diagnose(case / "results", label_set=CITYSCAPES)
    assert [(f.level, f.code) for f in diagnosis.findings] == [("error", "labels")]
    assert not diagnosis.healthy


def test_halves_the_wrong_way_round_name_layout_and_label_set(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    ids = np.random.default_rng(1).integers(0, 12, (4, 4)).repeat(8, 0).repeat(8, 1)
    painted = label_set("facades").palette[ids]
    Image.fromarray(np.hstack([noise, painted])).save(tmp_path / "1.png")
    diagnosis = diagnose(tmp_path)
    assert diagnosis.label_set.name == "facades"
    assert "try --layout side-by-side:BA" in diagnosis.findings[0].message
    assert diagnose(tmp_path, layout="side-by-side:BA").healthy


def test_a_finding_is_printable_whatever_the_names() -> None:
    text = str(Finding("note", "code", "what\nis", ("\x1b[31m", "\udcff")))
    assert text.isprintable()
    assert text == r"note: what\nis (\x1b[31m, \udcff) [code]"


def test_a_finding_reads_as_one_line(case: Path) -> None:
    results(case)[0].unlink()
    (finding, *_) = examine(paired(case), CITYSCAPES)
    assert str(finding).startswith("error: results: 1 label map has no image (frankfurt_")
    assert str(finding).endswith("[unmatched-labels]")


def test_a_finding_says_everything_once(case: Path) -> None:
    path = results(case)[1]
    path.write_bytes(path.read_bytes()[:-20])
    label = next((case / "cityscapes").rglob("*_labelIds.png"))
    label.write_bytes(label.read_bytes()[:-20])
    for file, noun in ((path, "image"), (label, "label map")):
        (line,) = [str(f) for f in examine(paired(case), CITYSCAPES) if file.name in str(f)]
        assert f"results: 1 {noun} cannot be used: {file}: the image is damaged" in line
        assert line.count(file.name) == 1
        assert "8-bit" not in line
    change_labels(case, lookup([0] * 256))
    assert found(case)["labels-ignored"].where == ()


@pytest.mark.data
def test_two_real_runs_are_healthy(test_data: Path) -> None:
    diagnosis = diagnose(test_data / "results")
    assert diagnosis.label_set.name == "facades"
    assert diagnosis.healthy
    assert [f.code for f in diagnosis.findings] == ["decoded-labels"] * 2
    assert [len(pairing.frames) for pairing in diagnosis.pairings] == [50, 50]


@pytest.mark.data
def test_real_photos_of_camvid(test_data: Path) -> None:
    root = test_data / "camvid" / "test"
    table = label_set("camvid")
    diagnosis = diagnose(root / "photos", labels=root / "labels", label_set=table)
    assert [f.code for f in diagnosis.findings] == ["jpeg-results"]
    codes = {f.code for f in diagnose(root / "photos", labels=root / "labels").findings}
    assert {"labels-resized", "labels-train-ids"} <= codes

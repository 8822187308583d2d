"""Finding experiments: every layout, names, what is ambiguous, and folders nobody has checked."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from p2p_eval import folders
from p2p_eval.errors import InputError
from p2p_eval.results.layouts import LAYOUTS, Experiment, find_experiments

Write = Callable[..., Path]


def only(root: Path, *arguments: object) -> Experiment:
    """The one experiment of a folder."""
    (experiment,) = find_experiments(root, *arguments)
    return experiment


@pytest.fixture
def pytorch(tmp_path: Path, photo: Write) -> Path:
    folder = tmp_path / "results" / "facades" / "test_latest" / "images"
    for number in (10, 9, 2):
        for ending in ("real_A", "fake_B", "real_B"):
            photo(folder / f"{number}_{ending}.png")
    (folder.parent / "index.html").write_text("<html>")
    (folder / "Thumbs.db").touch()
    (folder / ".DS_Store").touch()
    (folder / ".hidden.png").touch()
    return folder


def test_pytorch_from_every_folder_above(pytorch: Path) -> None:
    for root in (pytorch, *list(pytorch.parents)[:3]):
        experiment = only(root)
        assert (experiment.name, experiment.layout) == ("facades", "pytorch")
        assert [item.id for item in experiment.items] == ["2", "9", "10"]
        first = experiment.items[0]
        assert first.output.path == pytorch / "2_fake_B.png"
        assert first.input is not None
        assert first.input.path == pytorch / "2_real_A.png"
        assert first.target is not None
        assert first.target.path == pytorch / "2_real_B.png"
        assert not experiment.missing_outputs + experiment.incomplete + experiment.strays


def test_missing_partners_are_reported(pytorch: Path) -> None:
    (pytorch / "2_real_A.png").unlink()
    (pytorch / "9_fake_B.png").unlink()
    (pytorch / "2_real_B.png").rename(pytorch / "curve.png")
    experiment = only(pytorch)
    assert experiment.missing_outputs == ("9",)
    assert experiment.incomplete == ("2",)
    assert experiment.strays == ("curve.png",)


def test_run_without_outputs_is_refused(pytorch: Path) -> None:
    for path in pytorch.glob("*_fake_B.png"):
        path.unlink()
    with pytest.raises(InputError, match="no generated image"):
        find_experiments(pytorch)


def test_pytorch_test_model(tmp_path: Path, photo: Write) -> None:
    for ending in ("real", "fake"):
        photo(tmp_path / f"street-1_{ending}.png")
    (item,) = only(tmp_path).items
    assert item.id == "street-1"
    assert item.input is not None
    assert item.target is None


def test_torch(tmp_path: Path, photo: Write) -> None:
    images = tmp_path / "facades" / "latest_net_G_val" / "images"
    for kind, suffix in (("input", "jpg"), ("output", "png"), ("target", "jpg")):
        for number in (1, 2):
            photo(images / kind / f"{number}.{suffix}")
    for root in (tmp_path, tmp_path / "facades", images.parent, images):
        experiment = only(root)
        assert (experiment.name, experiment.layout) == ("facades", "torch")
        assert [item.id for item in experiment.items] == ["1", "2"]
        assert experiment.items[0].output.path == images / "output" / "1.png"
        assert experiment.items[1].input is not None
        assert experiment.items[1].input.path == images / "input" / "2.jpg"


def test_tensorflow(tmp_path: Path, photo: Write) -> None:
    for kind in ("inputs", "outputs", "targets"):
        photo(tmp_path / "facades_test" / "images" / f"cmp_b0001-{kind}.png")
    experiment = only(tmp_path)
    assert (experiment.name, experiment.layout) == ("facades_test", "tensorflow")
    (item,) = experiment.items
    assert item.id == "cmp_b0001"
    assert item.input is not None
    assert item.target is not None


def test_cityscapes(golden: Path) -> None:
    experiment = only(golden / "fcn" / "slim_a" / "results")
    assert (experiment.name, experiment.layout) == ("results", "cityscapes")
    assert experiment.items[0].id == "frankfurt_000000_000307"
    assert len(experiment.items) == 6


def test_side_by_side(tmp_path: Path, photo: Write) -> None:
    photo(tmp_path / "1.png", size=(32, 16))
    experiment = only(tmp_path)
    assert experiment.layout == "side-by-side"
    (item,) = experiment.items
    assert item.input is not None
    assert (item.input.half, item.output.half) == ("left", "right")
    (item,) = only(tmp_path, "side-by-side:BA").items
    assert item.input is not None
    assert (item.input.half, item.output.half) == ("right", "left")
    (item,) = only(tmp_path, "folder").items
    assert (item.input, item.output.half) == (None, None)


def test_large_images_twice_as_wide_as_high_are_ambiguous(tmp_path: Path, photo: Write) -> None:
    photo(tmp_path / "1.png", size=(2048, 1024))
    with pytest.raises(InputError, match="--layout folder"):
        find_experiments(tmp_path)


def test_plain_folder_and_real(tmp_path: Path, photo: Write) -> None:
    for number in (1, 2, 10):
        photo(tmp_path / "fake" / f"{number}.png")
    for number in (1, 2, 3):
        photo(tmp_path / "real" / f"{number}.png")
    experiment = only(tmp_path / "fake", "auto", tmp_path / "real")
    assert (experiment.name, experiment.layout) == ("fake", "folder")
    assert experiment.missing_outputs == ("3",)
    assert experiment.incomplete == ("10",)
    assert experiment.items[0].target is not None
    # below the same root, the real images are no experiment of their own
    assert only(tmp_path, "auto", tmp_path / "real").name == "fake"


def test_real_images_of_cityscapes_names(tmp_path: Path, photo: Write) -> None:
    photo(tmp_path / "fake" / "ulm_0_1_leftImg8bit.png")
    photo(tmp_path / "real" / "ulm_0_1_leftImg8bit.png")
    (item,) = only(tmp_path / "fake", "auto", tmp_path / "real").items
    assert item.target is not None
    assert item.target.path == tmp_path / "real" / "ulm_0_1_leftImg8bit.png"


def test_several_experiments(tmp_path: Path, photo: Write) -> None:
    for name in ("L1", "cGAN"):
        photo(tmp_path / name / "test_latest" / "images" / "1_fake_B.png")
    photo(tmp_path / "cGAN" / "test_50" / "images" / "1_fake_B.png")
    photo(tmp_path / "plain" / "1.png")
    names = [experiment.name for experiment in find_experiments(tmp_path)]
    assert names == ["L1", "cGAN", "cGAN-test_50", "plain"]
    names = [experiment.name for experiment in find_experiments(tmp_path / "cGAN")]
    assert names == ["cGAN", "cGAN-test_50"]
    photo(tmp_path / "cGAN-test_50" / "1.png")
    with pytest.raises(InputError, match="several experiments of one name"):
        find_experiments(tmp_path)


def test_colliding_short_names_become_long(tmp_path: Path, photo: Write) -> None:
    for phase in ("test_latest", "val_latest"):
        photo(tmp_path / "L1" / phase / "images" / "1_fake_B.png")
    names = [experiment.name for experiment in find_experiments(tmp_path)]
    assert names == ["L1-test_latest", "L1-val_latest"]


def test_what_the_kit_wrote_is_passed_over(tmp_path: Path, photo: Write) -> None:
    photo(tmp_path / "run" / "1.png")
    photo(tmp_path / "p2p-eval-out" / "run" / "fcn_score" / "predictions" / "1.png")
    photo(tmp_path / "scores" / "run" / "fcn_score" / "predictions" / "1.png")
    assert only(tmp_path).name == "run"


def test_plots_in_an_out_folder_are_no_results(tmp_path: Path, photo: Write) -> None:
    """With --out below the results, or the very folder of the results."""
    photo(tmp_path / "run" / "1.png")
    for out in (tmp_path / "scores", tmp_path / "run"):
        photo(out / "color_hist.png")
        (out / folders.LOCK_NAME).touch()
    assert [item.id for item in only(tmp_path).items] == ["1"]


def test_images_of_the_name_of_a_plot_are_results(tmp_path: Path, photo: Write) -> None:
    photo(tmp_path / "run" / "color_hist.png")
    assert [item.id for item in only(tmp_path).items] == ["color_hist"]


def test_images_above_images_are_ambiguous(tmp_path: Path, photo: Write) -> None:
    photo(tmp_path / "a" / "1.png")
    photo(tmp_path / "1.png")
    with pytest.raises(InputError, match="images both here and in"):
        find_experiments(tmp_path)


@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name != "pytorch"])
def test_forced_layout_is_not_guessed(pytorch: Path, layout: str) -> None:
    if layout in ("torch", "tensorflow", "cityscapes"):
        with pytest.raises(InputError, match="expected"):
            find_experiments(pytorch, layout)
    else:
        assert only(pytorch, layout).layout == layout


def test_empty_and_absent_folders(tmp_path: Path, photo: Write) -> None:
    with pytest.raises(InputError, match="got no image"):
        find_experiments(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        find_experiments(tmp_path / "absent")
    with pytest.raises(InputError, match="got a file"):
        find_experiments(photo(tmp_path / "1.png"))
    with pytest.raises(InputError, match="expected auto or one of"):
        find_experiments(tmp_path, "pix2pix")
    with pytest.raises(InputError, match=r"no such folder|cannot be read"):
        find_experiments(tmp_path, "auto", tmp_path / "absent")


def test_links(tmp_path: Path, photo: Write) -> None:
    photo(tmp_path / "store" / "L1" / "1.png")
    root = tmp_path / "root"
    root.mkdir()
    (root / "linked").symlink_to(tmp_path / "store" / "L1")
    assert only(root).name == "linked"
    (root / "up").symlink_to(root)
    with pytest.raises(InputError, match="leads back"):
        find_experiments(root)
    (root / "up").unlink()
    (root / "self").symlink_to("self")
    with pytest.raises(InputError, match="cannot be read"):
        find_experiments(root)
    (root / "self").unlink()
    (tmp_path / "store" / "L1" / "2.png").symlink_to("nowhere.png")
    with pytest.raises(InputError, match="broken link"):
        find_experiments(root)


def test_unreadable_folder(tmp_path: Path, photo: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    photo(tmp_path / "1.png")

    def forbidden(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(folders.os, "scandir", forbidden)
    with pytest.raises(InputError, match="Permission denied"):
        find_experiments(tmp_path)


def test_walk_is_bounded(tmp_path: Path, photo: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    photo(tmp_path.joinpath(*"abcdefghij") / "1.png")
    with pytest.raises(InputError, match="8 levels"):
        find_experiments(tmp_path)
    monkeypatch.setattr(folders, "MAX_ENTRIES", 10)
    for number in range(11):
        photo(tmp_path / "many" / f"{number}.png")
    with pytest.raises(InputError, match="10 files"):
        find_experiments(tmp_path / "many")


def test_twenty_thousand_images_are_found_at_once(tmp_path: Path) -> None:
    for number in range(10_000):
        for ending in ("fake_B", "real_A"):
            (tmp_path / f"{number}_{ending}.png").touch()
    start = time.process_time()
    experiment = only(tmp_path)
    assert time.process_time() - start < 2.0
    assert len(experiment.items) == 10_000
    assert experiment.items[9_999].id == "9999"


@pytest.mark.data
def test_two_real_runs(test_data: Path) -> None:
    experiments = find_experiments(test_data / "results")
    assert [(e.name, e.layout, len(e.items)) for e in experiments] == [
        ("facades_label2photo_pretrained", "pytorch", 50),
        ("facades_pix2pix", "pytorch", 50),
    ]
    assert all(item.input and item.target for e in experiments for item in e.items)
    assert [item.id for item in experiments[0].items[:3]] == ["1", "2", "3"]


@pytest.mark.data
def test_real_side_by_side_images(test_data: Path) -> None:
    experiment = only(test_data / "facades" / "val")
    assert (experiment.layout, len(experiment.items)) == ("side-by-side", 100)


STEMS = st.one_of(
    st.sampled_from(["1", "2", "10", "a", "A", "ulm_0_1"]),
    st.text(
        st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=6
    ),
)
FILES = st.builds(
    str.__add__,
    st.builds(
        str.__add__,
        STEMS,
        st.sampled_from(
            ["", "_fake_B", "_real_A", "_real_B", "-outputs", "-inputs", "_leftImg8bit", "_fake"]
        ),
    ),
    st.sampled_from([".png", ".jpg", ".PNG", ".html", ""]),
)
FOLDERS = st.one_of(
    st.sampled_from(["images", "output", "input", "target", "test_latest", "L1", "cGAN"]), STEMS
)
TREES = st.lists(st.tuples(st.lists(FOLDERS, max_size=3), FILES), max_size=10)


@settings(max_examples=150, deadline=None)
@given(tree=TREES, layout=st.sampled_from(["auto", *LAYOUTS]), wide=st.booleans())
def test_any_tree_of_names(
    tmp_path_factory: pytest.TempPathFactory,
    tree: list[tuple[list[str], str]],
    layout: str,
    wide: bool,
) -> None:
    root = tmp_path_factory.mktemp("tree")
    source = root.with_suffix(".source")
    Image.new("RGB", (8, 4 if wide else 8)).save(source, "PNG")
    for parents, name in tree:
        folder = root.joinpath(*parents)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).hardlink_to(source)
        except OSError:  # a name that is taken, or that no file can have
            continue
    try:
        experiments = find_experiments(root, layout)
    except InputError as error:
        str(error).encode()
        return
    assert experiments
    assert experiments == find_experiments(root, layout)
    assert len({experiment.name.lower() for experiment in experiments}) == len(experiments)
    for experiment in experiments:
        assert experiment.items
        assert layout in ("auto", experiment.layout)
        for item in experiment.items:
            for image in (item.output, item.input, item.target):
                assert image is None or image.path.is_file()

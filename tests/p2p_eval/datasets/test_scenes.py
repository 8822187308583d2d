"""Scenes: the same bytes from a seed, the classes they hold, and photo and labels in register."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fcn.labels import label_set
from p2p_eval.datasets import scenes
from p2p_eval.datasets.scenes import Scene
from p2p_eval.errors import InputError

# Rendered with NumPy 1.26.4 and 2.4.6 and with Pillow 11.2.1, 11.3 and 13.0, all alike. Older
# Pillow rounds the edges of polygons otherwise.
DIGESTS = {
    0: "204b34cf36149cd574197f8aa1d4ef7fcac8ca01c301aac76c0530d686a82b27",
    7: "45e1fab0127b55d11edc299542514f91a48c14994b7537b452926fa9be6ace77",
    1_000_000: "3710b795fb9ed9130ae1431cada8288511e632d3d5ee3f1f2767f615fccc5038",
}
COVERAGE_SEEDS = range(40_000, 40_060)


def digest(scene: Scene) -> str:
    return hashlib.sha256(scene.photo.tobytes() + scene.label_ids.tobytes()).hexdigest()


@pytest.fixture(scope="module")
def sample() -> list[Scene]:
    return [scenes.render(seed) for seed in COVERAGE_SEEDS]


@pytest.mark.parametrize("seed", DIGESTS)
def test_a_seed_always_gives_the_same_scene(seed: int) -> None:
    assert digest(scenes.render(seed)) == DIGESTS[seed]


def test_another_process_gives_the_same_scenes() -> None:
    program = (
        "import hashlib\n"
        "from p2p_eval.datasets.scenes import render\n"
        f"for seed in {list(reversed(DIGESTS))}:\n"
        "    scene = render(seed)\n"
        "    data = scene.photo.tobytes() + scene.label_ids.tobytes()\n"
        "    print(hashlib.sha256(data).hexdigest())\n"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "12345"}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout.split() == list(reversed(DIGESTS.values()))


def test_importing_scenes_does_not_import_torch() -> None:
    program = "import sys, p2p_eval.datasets.scenes; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_shapes_types_and_ids(sample: list[Scene]) -> None:
    known = {row.id for row in label_set("scenes").rows}
    for scene in sample:
        assert scene.photo.shape == (256, 256, 3)
        assert scene.label_ids.shape == (256, 256)
        assert scene.photo.dtype == scene.label_ids.dtype == np.uint8
        assert scene.photo.flags.c_contiguous
        assert scene.label_ids.flags.c_contiguous
        assert set(np.unique(scene.label_ids).tolist()) <= known


def test_scenes_differ(sample: list[Scene]) -> None:
    assert len({digest(scene) for scene in sample}) == len(sample)


def test_every_class_is_there_to_be_learnt(sample: list[Scene]) -> None:
    labels = label_set("scenes")
    train = np.stack([labels.id_to_train[scene.label_ids] for scene in sample])
    counts = np.stack([np.bincount(frame.ravel(), minlength=256)[:19] for frame in train])
    # At least so many pixels of a class can be seen in at least one scene of twenty.
    often = dict(zip(labels.names, (counts >= 60).mean(axis=0), strict=True))
    assert {name: share for name, share in often.items() if share < 0.05} == {}
    total = counts.sum(axis=0)
    assert labels.names[int(total.argmax())] == "road"
    assert total.max() < 0.5 * train.size
    assert (train == 255).mean() < 0.06


def test_label_borders_are_edges_of_the_photo(sample: list[Scene]) -> None:
    """Photo and labels are in register: moved against each other they agree less."""
    agreement = {}
    for shift in (0, 3):
        steps = []
        for scene in sample[:20]:
            luma = scene.photo.astype(np.float64).mean(axis=2)
            step = np.abs(np.diff(luma, axis=1))
            border = np.diff(scene.label_ids.astype(int), axis=1) != 0
            steps.append(np.roll(step, shift, axis=1)[border].mean() / step[~border].mean())
        agreement[shift] = np.mean(steps)
    assert agreement[0] > 2
    assert agreement[0] > 1.5 * agreement[3]


def test_colour_alone_does_not_tell_the_class(sample: list[Scene]) -> None:
    """The best guess from a coarse colour is far from a scorer's accuracy."""
    labels = label_set("scenes")
    train = np.concatenate([labels.id_to_train[s.label_ids].ravel() for s in sample])
    colors = np.concatenate([(s.photo // 16).reshape(-1, 3) for s in sample]).astype(np.int64)
    code = (colors[:, 0] * 16 + colors[:, 1]) * 16 + colors[:, 2]
    counted = train < 19
    table = np.bincount(code[counted] * 19 + train[counted], minlength=4096 * 19).reshape(4096, 19)
    assert table.max(axis=1).sum() / table.sum() < 0.8


@pytest.mark.parametrize("seed", [-1, 1 << 63, 1.0, True, "0", None])
def test_a_seed_is_a_whole_number_from_zero(seed: object) -> None:
    with pytest.raises(InputError, match="seed"):
        scenes.render(seed)  # type: ignore[arg-type]


def test_splits_share_no_seed() -> None:
    splits = [scenes.TRAIN_SEEDS, scenes.VAL_SEEDS, scenes.TEST_SEEDS]
    for left, right in pairwise(splits):
        assert left.stop <= right.start
    assert scenes.first_seed("test") == scenes.TEST_SEEDS.start == 1_000_000
    with pytest.raises(InputError, match="train, val, test"):
        scenes.first_seed("demo")


def test_make_writes_numbered_files(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    photos = scenes.make(
        tmp_path / "data", 3, first_seed=1_000_000,
        progress=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert [path.name for path in photos] == ["00000.png", "00001.png", "00002.png"]
    scene = scenes.render(1_000_001)
    assert (np.asarray(Image.open(photos[1])) == scene.photo).all()
    with Image.open(tmp_path / "data" / "labels" / "00001.png") as labels:
        assert labels.mode == "L"
        assert (np.asarray(labels) == scene.label_ids).all()


def test_make_completes_what_was_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tree(folder: Path) -> dict[str, bytes]:
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*.png"))
        }

    from p2p_eval.datasets.scenes import files

    def killed(seed: int) -> Scene:
        if seed == 2:
            raise KeyboardInterrupt
        return scenes.render(seed)

    with monkeypatch.context() as patch:
        patch.setattr(files, "render", killed)
        with pytest.raises(KeyboardInterrupt):
            scenes.make(tmp_path / "data", 3)
    scenes.make(tmp_path / "whole", 3)
    # What a killed process leaves of a file stays out of the way.
    (tmp_path / "data" / "photos" / ".0123456789abcdef.tmp").write_bytes(b"half")
    scenes.make(tmp_path / "data", 3)
    assert tree(tmp_path / "data") == tree(tmp_path / "whole")


@pytest.mark.parametrize(
    ("count", "first"), [(0, 0), (-3, 0), (1, -1), (2, 899_999), (1, 2_000_000), (10**12, 0)]
)
def test_make_stays_in_one_split(tmp_path: Path, count: int, first: int) -> None:
    with pytest.raises(InputError, match="in one split"):
        scenes.make(tmp_path / "data", count, first_seed=first)
    assert not (tmp_path / "data").exists()


def test_make_does_not_mix_with_other_files(tmp_path: Path) -> None:
    scenes.make(tmp_path, 2)
    with pytest.raises(InputError, match="holds 1 other files"):
        scenes.make(tmp_path, 1)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match="cannot be written"):
        scenes.make(tmp_path / "file", 1)

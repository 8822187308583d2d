"""Every generated image gets its real one, and those without a partner are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from p2p_eval.errors import InputError
from p2p_eval.results.layouts import find_experiments
from p2p_eval.scoring.pairs import Pairs, pair_up

PNG = (Path(__file__).parents[2] / "golden/iqa/ref/07_jpeg_127x130.png").read_bytes()


def make(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(PNG)
    return folder


def paired(root: Path, real: Path | None = None, *, keep_going: bool = False) -> Pairs:
    (experiment,) = find_experiments(root, real=real)
    return pair_up(experiment, keep_going=keep_going)


def test_output_target_and_input(tmp_path: Path) -> None:
    root = make(tmp_path / "L1", "0_fake_B", "0_real_A", "0_real_B", "10_fake_B", "10_real_B",
                "10_real_A", "9_fake_B", "9_real_B", "9_real_A")  # fmt: skip
    pairs = paired(root)
    assert [pair.id for pair in pairs.pairs] == ["0", "9", "10"]
    first = pairs.pairs[0]
    assert first.input is not None
    assert [ref.path.name for ref in (first.output, first.target, first.input)] == [
        "0_fake_B.png", "0_real_B.png", "0_real_A.png",
    ]  # fmt: skip
    assert pairs.left_out == ()
    assert pairs.notes == []


def test_no_partner(tmp_path: Path) -> None:
    outputs = make(tmp_path / "out", *"abcdefgh")
    real = make(tmp_path / "real", "a", "x", "y")
    with pytest.raises(InputError) as caught:
        paired(outputs, real)
    message = str(caught.value)
    assert "generated images without a real one: 7 (b, c, d, e, f, …); add" in message
    assert "inputs or real images without a generated one: 2 (x, y); generate" in message
    assert "--keep-going" in message
    pairs = paired(outputs, real, keep_going=True)
    assert [pair.id for pair in pairs.pairs] == ["a"]
    assert pairs.left_out[0] == "b: it has no real image"
    assert pairs.left_out[-1] == "y: it has no generated image"
    assert len(pairs.left_out) == 9


@pytest.mark.parametrize("keep_going", [False, True])
def test_no_name_in_common(tmp_path: Path, keep_going: bool) -> None:
    outputs = make(tmp_path / "out", "frame1", "frame2")
    real = make(tmp_path / "real", "1", "2")
    with pytest.raises(
        InputError, match=r"got frame1, frame2, expected names such as 1, 2; name them"
    ):
        paired(outputs, real, keep_going=keep_going)


def test_no_real_images(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"got generated images \(a, b\) but no real ones.*--real"):
        paired(make(tmp_path / "out", "a", "b"))
    with pytest.raises(InputError, match="--real"):
        paired(make(tmp_path / "test", "0_fake", "0_real"))


def test_strays_are_noted(tmp_path: Path) -> None:
    pairs = paired(make(tmp_path / "L1", "0_fake_B", "0_real_B", "loss"))
    (note,) = pairs.notes
    assert note == (
        "note: 1 other image without a name of the layout, passed over (loss.png)"
    )  # fmt: skip

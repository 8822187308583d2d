"""Configurations: what is refused, and how it is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from p2p_eval.errors import InputError
from p2p_eval.training.config import CONFIGS, Config, given_values, read_config


def test_the_default_is_the_papers() -> None:
    config = Config()
    assert (config.loss, config.pixel_weight, config.learning_rate) == ("L1+cGAN", 100, 2e-4)
    assert (config.size, config.load_size, config.mirror, config.patch) == (256, 286, True, 70)
    assert (config.epochs, config.batch, config.schedule, config.beta1) == (200, 1, "constant", 0.5)
    assert (config.test_mode, config.depth) == ("paper", 8)
    assert config.total_steps(2975) == 595_000
    assert Config(batch=10).total_steps(2975) == 59_500
    assert Config(steps=7).total_steps(2975) == 7


@pytest.mark.parametrize("name", CONFIGS)
def test_those_that_ship(name: str) -> None:
    config = read_config(name)
    epochs, batch, jitter, mirror = {
        "paper": (200, 1, True, True), "facades": (200, 1, True, True),
        "maps": (200, 1, True, True), "edges": (15, 4, False, False),
        "night2day": (17, 4, True, True), "colorization": (6, 4, False, True),
        "inpainting": (25, 4, False, False), "scenes": (2, 1, True, True),
    }[name]  # fmt: skip
    assert (config.epochs, config.batch, config.mirror) == (epochs, batch, mirror)
    assert (config.load_size > config.size) is jitter


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("los = 'L1'", "unknown key 'los'; did you mean loss"),
        ("zzz = 1", "unknown key 'zzz'; known are"),
        ("loss = 'L3'", "got loss = 'L3', expected one of L1"),
        ("width = 'wide'", "got width = 'wide', expected int"),
        ("width = 0", "got width = 0, expected a number from 1"),
        ("learning_rate = nan", "learning_rate"),
        ("size = 96", "got size = 96, expected a power of two"),
        ("size = 32", "got size = 32, expected a number from 64"),
        ("load_size = 200", "got load_size = 200, expected at least size = 256"),
        ("patch = 71", "got patch = 71, expected one of 1, 16"),
        ("size = 64\nload_size = 64\npatch = 286", "this needs 128"),
        ("levels = 9", "got levels = 9, expected 0, or 6 to 8"),
        ("epochs = 0", "got epochs = 0"),
        ("bottleneck_norm = true", "false with batch = 1"),
        ("bottleneck_norm = true\nbatch = 2", "false with test_mode = 'paper'"),
        ("bottleneck_norm = true\nbatch = 2\nnorm = 'instance'", "false with norm = 'instance'"),
        ("generator = 'resnet'\ndeterministic = true", "deterministic"),
        ("width = ", "not TOML"),
        ("mirror = 1", "got mirror = 1, expected bool"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_config(path)


def test_the_norm_of_one_pixel_needs_a_batch_or_a_larger_bottleneck() -> None:
    assert Config(bottleneck_norm=True, batch=2, test_mode="eval").bottleneck_norm
    assert Config(bottleneck_norm=True, levels=7).bottleneck_norm


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"expected one of paper, facades, .* or a TOML file"):
        read_config(tmp_path / "none.toml")
    (tmp_path / "big.toml").write_text("#" * 100_000)
    with pytest.raises(InputError, match="too large"):
        read_config(tmp_path / "big.toml")


def test_values_of_the_command_line() -> None:
    values = given_values(
        ["width=32", "mirror=false", "loss=cGAN", "learning_rate=1e-3", "size=64"]
    )
    assert values == {
        "width": 32, "mirror": False, "loss": "cGAN", "learning_rate": 1e-3, "size": 64,
    }  # fmt: skip
    assert read_config("scenes", values).width == 32
    # What is out of range is so for the configuration that it is for.
    assert given_values(["levels=9", "epochs=0"]) == {"levels": 9, "epochs": 0.0}
    for text, message in (
        ("width=1\nseed=2", "expected int"),
        ("width", "expected KEY=VALUE"),
        ("widht=3", "did you mean width"),
        ("width=a b", "expected int"),
    ):
        with pytest.raises(InputError, match=message):
            given_values([text])

"""Settings: read, merged, and refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from p2p_eval.errors import InputError
from p2p_eval.gate import settings as module
from p2p_eval.gate.settings import Amount, Rule, Settings, fits, names_of, read_settings


def read(folder: Path, text: str, name: str = "gate.toml") -> Settings:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return read_settings(path)


def test_what_the_module_shows(tmp_path: Path) -> None:
    """The example in its docstring is what it says."""
    text = (module.__doc__ or "").split("::\n", 1)[1].split("\nA pattern", 1)[0]
    settings = read(tmp_path, "\n".join(line[4:] for line in text.splitlines()), "pyproject.toml")
    assert settings == Settings(
        tolerance=Amount(relative=0.01),
        tolerances=(
            Rule("psnr", Amount(0.1)),
            Rule("iou[*]", Amount(relative=0.05)),
            Rule("L1+cGAN:metrics.lpips*", Amount(0.01), Amount(0.05), "lower"),
        ),
        detect=Amount(relative=0.05),
        ignore=("iou[*]",),
    )


def test_a_file_without_the_table_has_the_defaults(tmp_path: Path) -> None:
    assert read(tmp_path, '[project]\nname = "x"', "pyproject.toml") == Settings()
    assert read(tmp_path, "") == Settings()
    assert read(tmp_path, "confidence = 0.9\nexact = true") == Settings(confidence=0.9, exact=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tolerence = 1", "unknown key 'tolerence'; did you mean tolerance?"),
        ("tolerance = -1", "expected a number from 0"),
        ("tolerance = nan", "expected a number from 0"),
        ("tolerance = inf", "expected a number from 0"),
        ("tolerance = true", "expected float"),
        ('tolerance = "1"', 'as "1%"'),
        ('tolerance = "-1%"', 'as "1%"'),
        ('tolerance = "1e999%"', 'as "1%"'),
        ("detect = [1]", "expected float"),
        ("confidence = 1", "0.5 or more, and less than 1"),
        ("confidence = 0.1", "0.5 or more, and less than 1"),
        ("confidence = nan", "0.5 or more, and less than 1"),
        ("draws = 10", "expected 1000 to 1000000"),
        ("draws = 10000000", "expected 1000 to 1000000"),
        ("seed = -1", "expected 0 or more"),
        ("broken_images = -1", "expected 0"),
        ('cannot_tell = "maybe"', 'expected "pass" or "fail"'),
        ('better = "higher"', 'expected "pass" or "fail"'),
        ("figures = []", "one pattern or more"),
        ('ignore = "psnr"', "expected a list of str"),
        ("tolerances = 3", "expected dict"),
        ("[tolerances]\npsnr = -0.1", "got 'psnr', tolerance = -0.1"),
        ("[tolerances]\npsnr = [1]", "expected float"),
        ("[tolerances]\npsnr = {}", "got nothing for 'psnr'"),
        ("[tolerances]\npsnr = { better = 'up' }", "expected higher or lower or zero"),
        ("[tolerances]\npsnr = { tol = 1 }", "unknown key 'tol'"),
        ("a = ", "not TOML"),
    ],
)
def test_refusals(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=r"gate\.toml") as caught:
        read(tmp_path, text)
    assert message in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_settings(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b"a = '\xe9'")
    with pytest.raises(InputError, match="UTF-8"):
        read_settings(tmp_path / "latin.toml")
    (tmp_path / "large.toml").write_bytes(b"#" * (1 << 21))
    with pytest.raises(InputError, match="over"):
        read_settings(tmp_path / "large.toml")
    with pytest.raises(InputError, match="expected a table of settings"):
        read(tmp_path, "[tool.p2p_eval]\ngate = 1", "pyproject.toml")
    with pytest.raises(InputError, match="expected a table of settings"):
        read(tmp_path, "tool = 1", "pyproject.toml")


@pytest.mark.parametrize(
    ("pattern", "fit"),
    [
        ("iou[road]", True), ("iou[*]", True), ("iou*", True), ("*", True), ("*road*", True),
        ("fcn-score.iou[*]", True), ("L1:iou[*]", True), ("L1:fcn-score.*", True), ("L*", True),
        ("iou", False), ("iou[r]", False), ("iou?road]", False), ("metrics.*", False),
        ("cGAN:*", False), ("IOU[road]", False), ("", False),
    ],
)  # fmt: skip
def test_patterns(pattern: str, fit: bool) -> None:
    assert fits(pattern, names_of("L1", "fcn-score", "iou[road]")) == fit


def test_the_last_rule_that_fits_counts_key_by_key() -> None:
    settings = Settings(
        tolerance=Amount(1.0),
        tolerances=(
            Rule("psnr", Amount(2.0), better="higher"),
            Rule("ps*", detect=Amount(3.0)),
            Rule("ssim", Amount(4.0)),
        ),
    )
    assert settings.rule(names_of("L1", "metrics", "psnr")) == Rule(
        "psnr", Amount(2.0), Amount(3.0), "higher"
    )
    assert settings.rule(names_of("L1", "metrics", "gmsd")).tolerance == Amount(1.0)


def test_an_amount_of_nothing_known_is_absolute() -> None:
    assert Amount(0.5, 0.1).of(float("nan")) == 0.5
    assert Amount(0.5, 0.1).of(float("inf")) == 0.5
    assert Amount(0.5, 0.1).of(-10.0) == 1.0

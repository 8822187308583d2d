"""What the gate is told: ``[tool.p2p_eval.gate]`` of a pyproject.toml, or a file of the same keys.

::

    [tool.p2p_eval.gate]
    tolerance = "1%"        # a loss that is accepted, of all figures; a number is in their units
    detect = "5%"           # a further loss that must not be missed; else the gate cannot tell
    confidence = 0.95       # 5 % false alarms at most, over all figures together
    draws = 10000
    seed = 0
    cannot_tell = "pass"    # or "fail"
    better = "pass"         # or "fail", so that a baseline is renewed at once
    exact = false           # true: the images are all there is, so nothing is put down to chance
    broken_images = 3       # so many that lost more than tolerance + detect fail if most others
                            # are unchanged and none gained, whatever the mean says; 0: never
    figures = ["*"]         # what is guarded
    ignore = ["iou[*]"]     # and what of it is not

    [tool.p2p_eval.gate.tolerances]  # the last that fits a figure counts
    psnr = 0.1
    "iou[*]" = "5%"
    "L1+cGAN:metrics.lpips*" = { tolerance = 0.01, detect = 0.05, better = "lower" }

A pattern is the name of a figure (``psnr``), with its score (``metrics.psnr``), with its experiment
(``L1:psnr``), or both; ``*`` stands for anything, all else for itself.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from fcn.settings import brief, read_toml, typed_values
from p2p_eval.errors import InputError
from p2p_eval.gate.scored import Better, Figure
from p2p_eval.scores.bootstrap import DRAWS, LEVEL

__all__ = [
    "Amount",
    "Rule",
    "Settings",
    "fits",
    "names_of",
    "parse_amount",
    "read_settings",
    "read_table",
]

MAX_BYTES = 1 << 20
MAX_DRAWS = 1_000_000
MIN_DRAWS = 1000
TABLE = ("tool", "p2p_eval", "gate")
DIRECTIONS: tuple[Better, ...] = ("higher", "lower", "zero")
POLICIES = ("pass", "fail")
PERCENT = re.compile(r"\s*([0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)\s*%\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Amount:
    """So much of a figure: absolute, in its unit, or relative to the baseline; the larger counts.

    Example:
        >>> Amount(relative=0.01).of(-20.0), Amount(absolute=0.5, relative=0.01).of(20.0)
        (0.2, 0.5)
    """

    absolute: float = 0.0
    relative: float = 0.0

    def of(self, value: float) -> float:
        """The amount in the unit of a value; what is not finite counts as 0."""
        relative = self.relative * abs(value) if math.isfinite(value) else 0.0
        return max(self.absolute, relative)


ROUNDING = Amount(absolute=1e-9, relative=1e-6)
"""What other machines and libraries round differently: the tolerance unless one is given."""

DETECT = Amount(relative=0.05)


@dataclass(frozen=True, slots=True)
class Rule:
    """What is said of the figures that a pattern fits; None says nothing."""

    pattern: str
    tolerance: Amount | None = None
    detect: Amount | None = None
    better: Better | None = None

    def tolerance_of(self, baseline: Figure) -> float:
        """The loss of a figure that is accepted, in its unit."""
        return (self.tolerance or ROUNDING).of(baseline.value)

    def detect_of(self, baseline: Figure) -> float:
        """The further loss that must not be missed."""
        return (self.detect or DETECT).of(baseline.value)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the gate is told; the module says what each key means.

    Raises:
        InputError: A value is out of its range.
    """

    tolerance: Amount = ROUNDING
    tolerances: tuple[Rule, ...] = ()
    detect: Amount = DETECT
    confidence: float = LEVEL
    draws: int = DRAWS
    seed: int = 0
    cannot_tell: str = "pass"
    better: str = "pass"
    exact: bool = False
    broken_images: int = 3
    figures: tuple[str, ...] = ("*",)
    ignore: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check what other modules rely on."""
        checks = (
            ("confidence", 0.5 <= self.confidence < 1, "0.5 or more, and less than 1"),
            ("draws", MIN_DRAWS <= self.draws <= MAX_DRAWS, f"{MIN_DRAWS} to {MAX_DRAWS}"),
            ("seed", self.seed >= 0, "0 or more"),
            ("cannot_tell", self.cannot_tell in POLICIES, '"pass" or "fail"'),
            ("better", self.better in POLICIES, '"pass" or "fail"'),
            ("broken_images", self.broken_images >= 0, "0 (never) or more"),
            ("figures", bool(self.figures), "one pattern or more"),
        )
        for key, good, expected in checks:
            if not good:
                raise InputError(f"got {key} = {brief(getattr(self, key))}, expected {expected}")

    def rule(self, names: tuple[str, ...]) -> Rule:
        """Merge the rules of a figure; of each key the last that fits counts."""
        tolerance, detect, better = self.tolerance, self.detect, None
        for rule in self.tolerances:
            if fits(rule.pattern, names):
                tolerance = rule.tolerance or tolerance
                detect = rule.detect or detect
                better = rule.better or better
        return Rule(names[0], tolerance, detect, better)

    def guards(self, names: tuple[str, ...]) -> bool:
        """Whether a figure is guarded at all."""
        return any(fits(p, names) for p in self.figures) and not self.ignored(names)

    def ignored(self, names: tuple[str, ...]) -> bool:
        """Whether a figure is one to be ignored."""
        return any(fits(pattern, names) for pattern in self.ignore)


@dataclass(frozen=True, slots=True)
class _Keys:
    """The keys of a file, as TOML has their values."""

    tolerance: float | str = 0.0
    tolerances: dict[str, object] = field(default_factory=dict)
    detect: float | str = 0.0
    confidence: float = 0.0
    draws: int = 0
    seed: int = 0
    cannot_tell: str = ""
    better: str = ""
    exact: bool = False
    broken_images: int = 0
    figures: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _RuleKeys:
    tolerance: float | str = 0.0
    detect: float | str = 0.0
    better: str = ""


def names_of(experiment: str, kind: str, figure: str) -> tuple[str, ...]:
    """What a figure may be called in a pattern, the shortest first."""
    return (figure, f"{kind}.{figure}", f"{experiment}:{figure}", f"{experiment}:{kind}.{figure}")


def fits(pattern: str, names: tuple[str, ...]) -> bool:
    """Whether a pattern names a figure; only ``*`` is special.

    Example:
        >>> fits("iou[*]", names_of("L1", "fcn-score", "iou[road]"))
        True
        >>> fits("L1:psnr", names_of("cGAN", "metrics", "psnr"))
        False
    """
    return any(_compiled(pattern).fullmatch(name) for name in names)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, re.split(r"\*+", pattern))), re.DOTALL)


def read_settings(path: Path) -> Settings:
    """Read a TOML file: of one named pyproject.toml the table ``[tool.p2p_eval.gate]``.

    Raises:
        InputError: It cannot be read or is not TOML, a key is unknown, or a value does not fit.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); check the path and its permissions"
        ) from error
    if len(data) > MAX_BYTES:
        raise InputError(f"{path}: over {MAX_BYTES} bytes, expected the settings of the gate")
    try:
        document = read_toml(str(path), data.decode(), InputError)
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not TOML, as it is not UTF-8") from error
    if path.name == "pyproject.toml":
        for key in TABLE:
            document = document.get(key, {}) if isinstance(document, dict) else document
        return read_table(f"{path}, [{'.'.join(TABLE)}]", document)
    return read_table(str(path), document)


def parse_amount(source: str, key: str, value: float | str) -> Amount:
    """Read an amount: a number in the figure's unit, or a text such as ``1%`` of the baseline.

    Raises:
        InputError: It is neither, below 0 or not finite.

    Example:
        >>> parse_amount("gate.toml", "tolerance", "1%")
        Amount(absolute=0.0, relative=0.01)
    """
    amount = Amount(-1.0)
    if not isinstance(value, str):
        amount = Amount(absolute=float(value))
    elif match := PERCENT.fullmatch(value):
        amount = Amount(relative=float(match[1]) / 100)
    if not (0 <= amount.absolute < math.inf and amount.relative < math.inf):
        raise InputError(
            f"{source}: got {key} = {brief(value)}, expected a number from 0 in the figure's unit, "
            'as 0.1, or a share of the baseline\'s value, as "1%"'
        )
    return amount


def read_table(source: str, document: Any) -> Settings:
    """Read a table of settings, as TOML has them.

    Args:
        source: Where it stands, for messages.
        document: Values by key.

    Raises:
        InputError: It is no table, a key is unknown, or a value does not fit.
    """
    if not isinstance(document, Mapping):
        raise InputError(f"{source}: got {brief(document)}, expected a table of settings")
    values = typed_values(_Keys, source, document, InputError)
    for key in ("tolerance", "detect"):
        if key in values:
            values[key] = parse_amount(source, key, values[key])
    if "tolerances" in values:
        rules = values["tolerances"].items()
        values["tolerances"] = tuple(_rule(f"{source}, tolerances", *rule) for rule in rules)
    try:
        return Settings(**values)
    except InputError as error:
        raise InputError(f"{source}: {error}") from error


def _rule(source: str, pattern: str, value: object) -> Rule:
    """Read what is said of one pattern: a tolerance, or a table."""
    name = brief(pattern)
    if isinstance(value, dict):
        values = typed_values(_RuleKeys, f"{source}, {name}", value, InputError)
    else:
        values = typed_values(_RuleKeys, source, {"tolerance": value}, InputError)
    if not values:
        raise InputError(f"{source}: got nothing for {name}, expected tolerance, detect or better")
    amounts = {
        key: parse_amount(source, f"{name}, {key}", values[key])
        for key in ("tolerance", "detect")
        if key in values
    }
    better = values.get("better")
    if better is not None and better not in DIRECTIONS:
        raise InputError(
            f"{source}: got {name}, better = {brief(better)}, expected {' or '.join(DIRECTIONS)}"
        )
    return Rule(pattern, amounts.get("tolerance"), amounts.get("detect"), better)

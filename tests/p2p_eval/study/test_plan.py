"""A plan is read as it was written, or refused."""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from p2p_eval.errors import InputError, P2PEvalError, StoreError
from p2p_eval.study.plan import PLAN, Plan, Session, Trial, read_plan, seal, write_plan

TOKENS = [f"{number:032x}" for number in range(8)]


def small() -> Plan:
    images = {
        token: f"L1/{'output' if place % 2 else 'target'}/{place // 2}.png"
        for place, token in enumerate(TOKENS)
    }
    first = (Trial(TOKENS[0], TOKENS[1], "left"), Trial(TOKENS[3], TOKENS[2], "right"))
    second = (Trial(TOKENS[5], TOKENS[4], "right"), Trial(TOKENS[6], TOKENS[7], "left"))
    sessions = (Session("a" * 32, "L1", first), Session("b" * 32, "L1", second))
    return seal(Plan("", 7, True, 1, 256, 1000, ("L1",), images, sessions))


def rewrite(folder: Path, change: Callable[[dict[str, Any]], object], *, hashed: bool) -> None:
    """Change a plan's document, with the hash that then belongs to it or without."""
    path = folder / PLAN
    document = json.loads(path.read_bytes())
    change(document)
    if hashed:
        rest = {key: value for key, value in document.items() if key != "hash"}
        text = json.dumps(rest, sort_keys=True, separators=(",", ":"))
        document["hash"] = hashlib.sha256(text.encode()).hexdigest()
    path.write_text(json.dumps(document))


def test_round_trip(tmp_path: Path) -> None:
    plan = small()
    write_plan(tmp_path, plan)
    assert read_plan(tmp_path) == plan
    assert stat.S_IMODE((tmp_path / PLAN).stat().st_mode) == 0o600
    rewrite(tmp_path, lambda document: None, hashed=False)  # other spaces and order
    assert read_plan(tmp_path) == plan


def test_hash_is_of_all_of_it() -> None:
    plan = small()
    others = [
        replace(plan, seed=8),
        replace(plan, paired=False),
        replace(plan, practice=0),
        replace(plan, size=128),
        replace(plan, milliseconds=999),
        replace(plan, images={**plan.images, TOKENS[0]: "L1/target/9.png"}),
        replace(plan, sessions=plan.sessions[:1]),
    ]
    hashes = {seal(other).hash for other in (plan, *others)}
    assert len(hashes) == len(others) + 1


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    write_plan(tmp_path, small())
    rewrite(tmp_path, lambda document: document.update(seed=8), hashed=False)
    with pytest.raises(StoreError, match=r"plan\.json: its content is not what its hash says"):
        read_plan(tmp_path)


def set_trial(**changes: str) -> Callable[[dict[str, Any]], object]:
    return lambda document: document["sessions"][0]["trials"][0].update(changes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.pop("images"), "an entry 'images'"),
        (lambda d: d.update(paired=1), "paired: got 1, expected true or false"),
        (lambda d: d.update(size=0), "size 0, expected 1 to 4096"),
        (lambda d: d.update(milliseconds=10**6), "milliseconds 1000000"),
        (lambda d: d.update(practice=2), "2 trials, none of which count"),
        (lambda d: d["images"].update({"../up": "x"}), "'../up', expected 32 hexadecimal digits"),
        (lambda d: d["sessions"].clear(), "no session"),
        (lambda d: d["sessions"][0].update(id="x"), "'x', expected 32 hexadecimal digits"),
        (lambda d: d["sessions"][0].update(id="b" * 32), "a session twice"),
        (lambda d: d["sessions"][0].update(algorithm="L2"), "algorithm 'L2' is none"),
        (lambda d: d.update(algorithms=["L1", "L1"]), "an algorithm twice"),
        (set_trial(left=TOKENS[2]), "an image twice"),
        (set_trial(left="c" * 32), f"image '{'c' * 32}' is none"),
        (set_trial(real="up"), "expected left or right"),
        (set_trial(real="right"), "an image that is no target of its algorithm"),
    ],
)
def test_a_broken_rule_is_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    write_plan(tmp_path, small())
    rewrite(tmp_path, change, hashed=True)
    with pytest.raises(StoreError) as caught:
        read_plan(tmp_path)
    assert message in str(caught.value)
    assert "design the study anew" in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"[]", b"{}", b"\xff", b'{"schema": "p2p-eval/study-plan/2"}', b"[" * 990 + b"]" * 990,
        b'{"schema": "p2p-eval/study-plan/1", "hash": 1e999}',
        b'{"schema": "p2p-eval/study-plan/1", "hash": "", "x": 1e999, "y": "\\ud800"}',
        b'{"schema": "p2p-eval/study-plan/1", "hash": "", "x": ' + b"[" * 900 + b"]" * 900 + b"}",
    ],
)  # fmt: skip
def test_what_is_no_plan_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / PLAN).write_bytes(content)
    with pytest.raises(P2PEvalError, match=r"plan\.json"):
        read_plan(tmp_path)


def test_no_plan(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"got no plan\.json, expected the folder of a study"):
        read_plan(tmp_path)


def test_a_wrong_plan_is_not_written(tmp_path: Path) -> None:
    plan = small()
    for wrong in (replace(plan, hash="0" * 64), seal(replace(plan, size=0))):
        with pytest.raises(InputError):
            write_plan(tmp_path, wrong)
    assert list(tmp_path.iterdir()) == []

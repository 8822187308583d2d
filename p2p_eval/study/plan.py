"""The plan of a study: which images each session shows, and on which side the real one is.

A study's folder holds ``plan.json``, which nobody who takes part may see, and ``images/``, whose
names say nothing. Answers refer to the plan's hash.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NoReturn

from p2p_eval.errors import InputError, StoreError
from p2p_eval.scores.document import Node, read_document
from p2p_eval.scores.store import store_error, write_atomic

__all__ = [
    "IMAGES",
    "PLAN",
    "SCHEMA",
    "Plan",
    "Session",
    "Side",
    "Trial",
    "read_plan",
    "seal",
    "write_plan",
]

SCHEMA = "p2p-eval/study-plan/1"
PLAN = "plan.json"
IMAGES = "images"

MAX_SIZE = 4096
MAX_MILLISECONDS = 60_000
TOKEN = re.compile(r"[0-9a-f]{32}")
ADVICE = "restore it from where the study was designed, or design the study anew"

Side = Literal["left", "right"]


@dataclass(frozen=True, slots=True)
class Trial:
    """Two images that are shown one beside the other.

    Attributes:
        left: Name of the image on the left, without ``.png``: 32 hexadecimal digits.
        right: Of the one on the right.
        real: Where the real one is.
    """

    left: str
    right: str
    real: Side

    @property
    def real_and_fake(self) -> tuple[str, str]:
        """Names of the real image and of the generated one."""
        both = self.left, self.right
        return both if self.real == "left" else both[::-1]


@dataclass(frozen=True, slots=True)
class Session:
    """What one person sees.

    Attributes:
        id: 32 hexadecimal digits that say nothing.
        algorithm: Whose images are the fake ones, in all trials.
        trials: Practice first.
    """

    id: str
    algorithm: str
    trials: tuple[Trial, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """A study.

    Attributes:
        hash: sha256 of everything else, in hexadecimal.
        seed: That sessions were drawn from.
        paired: Whether real and fake come from the same input.
        practice: Trials of each session that come first, with feedback, and do not count.
        size: Side of the images in pixels.
        milliseconds: How long each is shown.
        algorithms: Names of the experiments, in order.
        images: What each image is: path in the results, as ``L1/output/1.png``.
        sessions: All that were drawn, the algorithms in turn.
    """

    hash: str
    seed: int
    paired: bool
    practice: int
    size: int
    milliseconds: int
    algorithms: tuple[str, ...]
    images: Mapping[str, str]
    sessions: tuple[Session, ...]


def seal(plan: Plan) -> Plan:
    """Return the plan with the hash of everything else in it."""
    return replace(plan, hash=_hash(_document(plan)))


def write_plan(folder: Path, plan: Plan) -> None:
    """Write ``plan.json``, which only its owner may read: it says which images are the real ones.

    Raises:
        InputError: The plan breaks a rule that :func:`read_plan` holds plans to.
        StoreError: The file could not be written.
    """
    document = _document(plan)
    path = folder / PLAN
    try:
        _check(_plan(Node({**document, "hash": plan.hash}, path, advice=ADVICE)), path)
        if plan.hash != _hash(document):
            _refuse(path, "its hash is of another plan")
    except StoreError as error:
        raise InputError(str(error)) from error
    write_atomic(path, f"{_canonical({**document, 'hash': plan.hash})}\n".encode())
    try:
        path.chmod(0o600)
    except OSError as error:
        raise store_error(path, error) from error


def read_plan(folder: Path) -> Plan:
    """Read ``plan.json`` and check every rule that a plan is made by.

    Raises:
        InputError: There is none.
        StoreError: It is damaged, of another version, or not what it was when it was written.
    """
    path = folder / PLAN
    if not path.exists():
        raise InputError(
            f"{folder}: got no {PLAN}, expected the folder of a study; design one with "
            "p2p-eval study export or study serve"
        )
    node, _ = read_document(path, SCHEMA, advice=ADVICE)
    stated = node["hash"].text()
    if stated != _hash({key: value for key, value in node.value.items() if key != "hash"}):
        _refuse(path, "its content is not what its hash says: it was changed")
    plan = _plan(node)
    _check(plan, path)
    return plan


def _document(plan: Plan) -> dict[str, Any]:
    """Everything but the hash."""
    return {
        "schema": SCHEMA,
        "seed": plan.seed,
        "paired": plan.paired,
        "practice": plan.practice,
        "size": plan.size,
        "milliseconds": plan.milliseconds,
        "algorithms": list(plan.algorithms),
        "images": dict(plan.images),
        "sessions": [
            {
                "id": session.id,
                "algorithm": session.algorithm,
                "trials": [
                    {"left": trial.left, "right": trial.right, "real": trial.real}
                    for trial in session.trials
                ],
            }
            for session in plan.sessions
        ],
    }


def _canonical(document: Mapping[str, Any]) -> str:
    return json.dumps(document, sort_keys=True, separators=(",", ":"))


def _hash(document: Mapping[str, Any]) -> str:
    return hashlib.sha256(_canonical(document).encode()).hexdigest()


def _plan(node: Node) -> Plan:
    return Plan(
        hash=node["hash"].text(),
        seed=node["seed"].count(),
        paired=node["paired"].flag(),
        practice=node["practice"].count(),
        size=node["size"].count(),
        milliseconds=node["milliseconds"].count(),
        algorithms=node["algorithms"].texts(),
        images={token: name.text() for token, name in node["images"].items()},
        sessions=tuple(map(_session, node["sessions"])),
    )


def _session(node: Node) -> Session:
    return Session(node["id"].text(), node["algorithm"].text(), tuple(map(_trial, node["trials"])))


def _trial(node: Node) -> Trial:
    real: Side = "left" if node["real"].one_of("left", "right") == "left" else "right"
    return Trial(node["left"].text(), node["right"].text(), real)


def _check(plan: Plan, path: Path) -> None:
    """Refuse a plan that breaks a rule."""
    if not 1 <= plan.size <= MAX_SIZE:
        _refuse(path, f"size {plan.size}, expected 1 to {MAX_SIZE} pixels")
    if not 1 <= plan.milliseconds <= MAX_MILLISECONDS:
        _refuse(path, f"milliseconds {plan.milliseconds}, expected 1 to {MAX_MILLISECONDS}")
    if len(set(plan.algorithms)) != len(plan.algorithms):
        _refuse(path, "an algorithm twice")
    if not plan.sessions:
        _refuse(path, "no session")
    if len({session.id for session in plan.sessions}) != len(plan.sessions):
        _refuse(path, "a session twice")
    for token in (*plan.images, *(session.id for session in plan.sessions)):
        if not TOKEN.fullmatch(token):
            _refuse(path, f"got {token[:40]!r}, expected 32 hexadecimal digits")
    for session in plan.sessions:
        _check_session(session, plan, path)


def _check_session(session: Session, plan: Plan, path: Path) -> None:
    where = f"session {session.id}"
    if session.algorithm not in plan.algorithms:
        _refuse(path, f"{where}: algorithm {session.algorithm[:80]!r} is none of the plan's")
    if len(session.trials) <= plan.practice:
        _refuse(path, f"{where}: {len(session.trials)} trials, none of which count")
    shown = [token for trial in session.trials for token in (trial.left, trial.right)]
    if len(set(shown)) != len(shown):
        _refuse(path, f"{where}: an image twice")
    if unknown := set(shown) - plan.images.keys():
        _refuse(path, f"{where}: image {min(unknown)[:40]!r} is none of the plan's")
    for trial in session.trials:
        for token, role in zip(trial.real_and_fake, ("target", "output"), strict=True):
            if not plan.images[token].startswith(f"{session.algorithm}/{role}/"):
                _refuse(path, f"{where}: an image that is no {role} of its algorithm")


def _refuse(path: Path, reason: str) -> NoReturn:
    raise StoreError(f"{path}: {reason}; {ADVICE}")

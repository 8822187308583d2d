"""What has been made of an exported study on Mechanical Turk: a file beside it.

It is written after each step, so that an interrupted creation goes on and nothing is made twice.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from pathlib import Path

from p2p_eval.errors import InputError
from p2p_eval.scores.document import read_document
from p2p_eval.scores.store import write_atomic
from p2p_eval.study.mturk_service import Environment

__all__ = ["State", "Terms", "read_state", "state_path", "write_state"]

SCHEMA = "p2p-eval/mturk-hits/1"
ADVICE = "restore it from a copy: without it HITs could be made twice"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a worker is offered.

    Attributes:
        reward: For a session, in US dollars.
        minutes: That an accepted HIT may take.
        days: That HITs are offered for.
        approval_days: After which submitted work is paid by itself.
    """

    reward: Decimal
    minutes: int = 30
    days: int = 7
    approval_days: int = 3


@dataclass(slots=True)
class State:
    """What has been made.

    Attributes:
        plan: Hash of the plan.
        terms: That it was made on.
        qualification: Id of the Qualification that keeps a person to one session, or None yet.
        hit_type: Id of what all HITs share, or None yet.
        hits: Id of the HIT of each session that has one.
        granted: Sessions whose worker has got the Qualification.
    """

    plan: str
    terms: Terms
    qualification: str | None = None
    hit_type: str | None = None
    hits: dict[str, str] = field(default_factory=dict)
    granted: list[str] = field(default_factory=list)


def state_path(folder: Path, environment: Environment) -> Path:
    """Where the state is kept; the sandbox and the real service know nothing of each other."""
    return folder / f"{environment}.json"


def read_state(folder: Path, environment: Environment, plan: str) -> State | None:
    """Read the state, or None where nothing was made yet.

    Raises:
        InputError: It is of another plan.
        StoreError: It is damaged.
    """
    path = state_path(folder, environment)
    if not path.exists():
        return None
    document, _ = read_document(path, SCHEMA, advice=ADVICE)
    if (found := document["plan"].text()) != plan:
        raise InputError(
            f"{path}: got HITs of plan {found[:64]!r}, expected {plan}; the folder was exported "
            "anew after they were made: export the new study to another folder"
        )
    terms = document["terms"]
    qualification, hit_type = document.find("qualification"), document.find("hit_type")
    return State(
        plan=plan,
        terms=Terms(
            reward=Decimal(terms["reward_cents"].count()) / 100,
            minutes=terms["minutes"].count(),
            days=terms["days"].count(),
            approval_days=terms["approval_days"].count(),
        ),
        qualification=None if qualification is None else qualification.text(),
        hit_type=None if hit_type is None else hit_type.text(),
        hits={session: hit.text() for session, hit in document["hits"].items()},
        granted=list(document["granted"].texts()),
    )


def write_state(folder: Path, environment: Environment, state: State) -> None:
    """Write the state.

    Raises:
        StoreError: It could not be written.
    """
    document = {"schema": SCHEMA, **asdict(state)}
    document["terms"]["reward_cents"] = int(document["terms"].pop("reward") * 100)
    data = f"{json.dumps(document, indent=1)}\n".encode()
    write_atomic(state_path(folder, environment), data)

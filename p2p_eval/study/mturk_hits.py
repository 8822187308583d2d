"""HITs of an exported study on Mechanical Turk: what they cost, made, and kept to one a person.

A Qualification of the study's own is what workers must not have to see a HIT. Mechanical Turk has
no way to grant it by itself at submission, so :func:`grant` looks who has submitted and grants it.
Each session is a HIT with one assignment, and all are of one HIT type, so that workers see a group.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal
from pathlib import Path
from typing import Any

from p2p_eval.errors import InputError
from p2p_eval.scores.store import exclusive
from p2p_eval.study.mturk import Batch, read_batch
from p2p_eval.study.mturk_service import Environment, already_exists, explained, pages
from p2p_eval.study.mturk_state import State, Terms, read_state, state_path, write_state

__all__ = ["Cost", "Granted", "create", "estimate", "grant", "made_before"]

FEE = Decimal("0.20")
"""Of the reward. Another 20 % falls on HITs of ten assignments and more; ours have one."""

LEAST_FEE = Decimal("0.01")
CENT = Decimal("0.01")
DAY = 86_400
SUBMITTED = ["Submitted", "Approved", "Rejected"]

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Cost:
    """What HITs cost, in US dollars.

    Attributes:
        sessions: That are to be made yet.
        reward: For one.
        fee: Of the service, for one.
    """

    sessions: int
    reward: Decimal
    fee: Decimal

    @property
    def total(self) -> Decimal:
        """For all that are to be made."""
        return self.sessions * (self.reward + self.fee)


@dataclass(frozen=True, slots=True)
class Granted:
    """How far a study is: sessions that have a HIT, and those that someone has submitted."""

    hits: int
    submitted: int


def estimate(sessions: int, reward: Decimal) -> Cost:
    """Say what sessions cost.

    Raises:
        InputError: The reward is no number of cents from 0.01 to 100.

    Source: Mechanical Turk's pricing: 20 % of the reward, at least $0.01 an assignment.

    Example:
        >>> str(estimate(100, Decimal("1.00")).total)
        '120.00'
    """
    if not CENT <= reward <= 100 or reward != reward.quantize(CENT):
        raise InputError(f"got a reward of {reward}, expected 0.01 to 100 US dollars, in cents")
    fee = max(LEAST_FEE, (reward * FEE).quantize(CENT, ROUND_UP))
    return Cost(sessions, reward.quantize(CENT), fee)


def made_before(folder: Path, environment: Environment) -> int:
    """Return how many sessions have a HIT, as the state file says.

    Raises:
        InputError: The folder is no export, or was exported anew since.
        StoreError: A file is damaged.
    """
    state = read_state(folder, environment, read_batch(folder).plan)
    return 0 if state is None else len(state.hits)


def create(
    folder: Path,
    client: Any,
    environment: Environment,
    terms: Terms,
    progress: Progress | None = None,
) -> State:
    """Make a HIT for each session that has none; run again, it goes on where it stopped.

    Args:
        folder: That the study was exported to.
        client: As :func:`p2p_eval.study.mturk_service.connect` returns it.
        environment: That the client is connected to.
        terms: What workers are offered; those of a creation that goes on cannot change.
        progress: Called with HITs made and HITs in total.

    Raises:
        InputError: The account has not enough money, the terms changed, or the service refused.
        StoreError: A file is damaged or could not be written, or another run is at it.
    """
    with exclusive(folder), explained("creating HITs"):
        batch = read_batch(folder)
        state = _begun(folder, environment, batch, terms)
        _adopt(client, batch, state)
        write_state(folder, environment, state)
        _check_balance(client, estimate(len(batch.rows) - len(state.hits), terms.reward))
        if state.qualification is None:
            state.qualification = _qualification(client, batch)
            write_state(folder, environment, state)
        if state.hit_type is None:
            state.hit_type = _hit_type(client, batch, terms, state.qualification)
            write_state(folder, environment, state)
        for session in batch.rows:
            if session not in state.hits:
                state.hits[session] = _hit(client, batch, session, state)
                write_state(folder, environment, state)
            if progress is not None:
                progress(len(state.hits), len(batch.rows))
        return state


def grant(folder: Path, client: Any, environment: Environment) -> Granted:
    """Grant the study's Qualification to those who have submitted a session.

    Raises:
        InputError: No HITs were made, or the service refused.
        StoreError: A file is damaged or could not be written, or another run is at it.
    """
    with exclusive(folder), explained("granting the Qualification"):
        state = made(folder, environment)
        for session, hit in state.hits.items():
            if session in state.granted:
                continue
            for assignment in assignments(client, hit):
                client.associate_qualification_with_worker(
                    QualificationTypeId=state.qualification,
                    WorkerId=assignment["WorkerId"],
                    IntegerValue=1,
                    SendNotification=False,
                )
                if session not in state.granted:
                    state.granted.append(session)
                    write_state(folder, environment, state)
        return Granted(len(state.hits), len(state.granted))


def made(folder: Path, environment: Environment) -> State:
    """Return what was made.

    Raises:
        InputError: Nothing was.
    """
    state = read_state(folder, environment, read_batch(folder).plan)
    if state is None or state.qualification is None:
        raise InputError(
            f"{state_path(folder, environment)}: no HITs were made yet; make them with p2p-eval "
            f"study mturk create {folder} --{environment} --create"
        )
    return state


def assignments(client: Any, hit: str) -> list[dict[str, Any]]:
    """List what was submitted to a HIT."""
    return list(
        pages(
            client.list_assignments_for_hit,
            "Assignments",
            HITId=hit,
            AssignmentStatuses=SUBMITTED,
        )
    )


def _begun(folder: Path, environment: Environment, batch: Batch, terms: Terms) -> State:
    state = read_state(folder, environment, batch.plan)
    if state is None:
        return State(batch.plan, terms)
    if state.terms != terms:
        raise InputError(
            f"{state_path(folder, environment)}: HITs were made on other terms (reward "
            f"{state.terms.reward}, {state.terms.minutes} minutes, {state.terms.days} days, "
            f"approval after {state.terms.approval_days}); give the same, so that all are alike"
        )
    return state


def _adopt(client: Any, batch: Batch, state: State) -> None:
    """Find HITs that were made although the state does not say so, as after a lost answer."""
    if len(state.hits) == len(batch.rows):
        return
    annotations = {_annotation(batch, session): session for session in batch.rows}
    for hit in pages(client.list_hits, "HITs"):
        session = annotations.get(hit.get("RequesterAnnotation", ""))
        if session is not None:
            state.hits.setdefault(session, hit["HITId"])


def _check_balance(client: Any, cost: Cost) -> None:
    available = Decimal(client.get_account_balance()["AvailableBalance"])
    if available < cost.total:
        raise InputError(
            f"the account has {available} US dollars, of which {cost.sessions} sessions need "
            f"{cost.total}; add funds, or export fewer sessions"
        )


def _qualification(client: Any, batch: Batch) -> str:
    from botocore.exceptions import ClientError

    name = f"Took part in image study {batch.plan[:16]}"
    try:
        reply = client.create_qualification_type(
            Name=name,
            Description="Given to who has taken part in this study: one person, one session.",
            QualificationTypeStatus="Active",
        )
        return str(reply["QualificationType"]["QualificationTypeId"])
    except ClientError as error:
        if not already_exists(error):
            raise
    for known in pages(
        client.list_qualification_types,
        "QualificationTypes",
        Query=name,
        MustBeRequestable=False,
        MustBeOwnedByCaller=True,
    ):
        if known["Name"] == name:
            return str(known["QualificationTypeId"])
    raise InputError(
        f"the service says that the Qualification {name!r} exists, but does not list it; run the "
        "same command again in some minutes"
    )


def _hit_type(client: Any, batch: Batch, terms: Terms, qualification: str) -> str:
    reply = client.create_hit_type(
        Title=batch.title,
        Description=batch.description,
        Keywords=batch.keywords,
        Reward=str(terms.reward),
        AssignmentDurationInSeconds=terms.minutes * 60,
        AutoApprovalDelayInSeconds=terms.approval_days * DAY,
        QualificationRequirements=[
            {
                "QualificationTypeId": qualification,
                "Comparator": "DoesNotExist",
                "ActionsGuarded": "DiscoverPreviewAndAccept",
            }
        ],
    )
    return str(reply["HITTypeId"])


def _hit(client: Any, batch: Batch, session: str, state: State) -> str:
    from botocore.exceptions import ClientError

    annotation = _annotation(batch, session)
    try:
        reply = client.create_hit_with_hit_type(
            HITTypeId=state.hit_type,
            MaxAssignments=1,
            LifetimeInSeconds=state.terms.days * DAY,
            Question=batch.html_question(session),
            RequesterAnnotation=annotation,
            UniqueRequestToken=hashlib.sha256(annotation.encode()).hexdigest(),
        )
        return str(reply["HIT"]["HITId"])
    except ClientError as error:
        if not already_exists(error):
            raise
    # The request before this one arrived, but its answer was lost.
    for hit in pages(client.list_hits, "HITs"):
        if hit.get("RequesterAnnotation") == annotation:
            return str(hit["HITId"])
    raise InputError(
        f"the service says that the HIT of session {session} exists, but does not list it; run "
        "the same command again in some minutes"
    )


def _annotation(batch: Batch, session: str) -> str:
    return f"p2p-eval {batch.plan[:16]} {session}"

"""Who takes which session, and what they answered: every change is one transaction on the disk.

Sessions of the plan, its algorithms in turn, are given out in that order. One that was begun and
not answered for :data:`ABANDONED` seconds is given to the next person; one with an answer never is.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Engine,
    Float,
    Integer,
    MetaData,
    Row,
    String,
    Table,
    UniqueConstraint,
    create_engine,
    delete,
    event,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from p2p_eval.errors import InputError, StoreError
from p2p_eval.study.plan import Plan, Side
from p2p_eval.study.votes import Vote

__all__ = ["Answer", "Conflict", "Database", "Full", "Visit"]

ABANDONED = 3600.0

metadata = MetaData()
studies = Table(
    "p2p_eval_studies",
    metadata,
    Column("plan", String(64), primary_key=True),
    Column("given", Integer, nullable=False),
)
visits = Table(
    "p2p_eval_visits",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("plan", String(64), nullable=False),
    Column("participant", String(256), nullable=False),
    Column("place", Integer, nullable=False),
    Column("answered", Integer, nullable=False),
    Column("began", Float(53), nullable=False),
    UniqueConstraint("plan", "participant"),
    UniqueConstraint("plan", "place"),
)
answers = Table(
    "p2p_eval_answers",
    metadata,
    Column("visit", String(32), primary_key=True),
    Column("trial", Integer, primary_key=True),
    Column("answer", String(5), nullable=False),
    Column("response_ms", Float(53), nullable=False),
    Column("left_ms", Float(53), nullable=False),
    Column("right_ms", Float(53), nullable=False),
    Column("dropped_frames", BigInteger, nullable=False),
    Column("lost_focus", Boolean, nullable=False),
    Column("seen_before", BigInteger, nullable=False),
    Column("at", Float(53), nullable=False),
)


class Full(Exception):  # noqa: N818 (it is an answer to a person, not a fault)
    """All sessions of the plan are given out."""


class Conflict(Exception):  # noqa: N818
    """An answer does not follow those that are there.

    Attributes:
        next: The first unanswered trial, or None where there is no such visit.
    """

    def __init__(self, message: str, next_trial: int | None) -> None:
        """Say why, and which trial is next."""
        super().__init__(message)
        self.next = next_trial


@dataclass(frozen=True, slots=True)
class Visit:
    """One person's session: its place in the plan, and how many of its trials are answered."""

    id: str
    place: int
    answered: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person answered to a trial, from 1, and how the images were shown."""

    trial: int
    answer: Side
    response_ms: float
    shown_ms: tuple[float, float]
    dropped_frames: int
    lost_focus: bool
    seen_before: int


class Database:
    """The answers to one plan; a database may hold those to others too."""

    def __init__(self, url: str, plan: Plan) -> None:
        """Open the database, and make what is missing.

        Args:
            url: Of SQLAlchemy: ``sqlite:///answers.sqlite`` or ``postgresql+psycopg://…``.
            plan: What is answered.

        Raises:
            InputError: The address is of no known kind, or its driver is not installed.
            StoreError: The database cannot be reached, or not be written to.
        """
        self.plan = plan
        self.engine = _engine(url)
        try:
            metadata.create_all(self.engine)
            with self._transaction() as connection:
                known = select(studies.c.plan).where(studies.c.plan == plan.hash)
                if connection.execute(known).first() is None:
                    connection.execute(insert(studies).values(plan=plan.hash, given=0))
        except DBAPIError as error:
            raise StoreError(
                f"{self.engine.url.render_as_string()}: the database cannot be used "
                f"({str(error.orig).strip()}); check that it runs and may be written to, or give "
                "another --database"
            ) from error

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def find(self, participant: str) -> Visit | None:
        """Return the visit of a participant, or None where there is none."""
        with self._transaction() as connection:
            return self._find(connection, participant)

    def visit(self, visit_id: str) -> Visit | None:
        """Return a visit by its id, or None where there is none, or its session went to another."""
        with self._transaction() as connection:
            found = connection.execute(select(visits).where(visits.c.id == visit_id)).first()
        return None if found is None or found.plan != self.plan.hash else _visit(found)

    def begin(self, participant: str, now: float | None = None) -> Visit:
        """Return the visit of a participant; where there is none, give out the next session.

        Raises:
            Full: There is no session left.
        """
        now = time.time() if now is None else now
        with self._transaction() as connection:
            # Whoever holds this row gives out; others wait, so that each sees what was given.
            row = select(studies.c.given).where(studies.c.plan == self.plan.hash)
            given = connection.execute(row.with_for_update()).scalar_one()
            if (found := self._find(connection, participant)) is not None:
                return found
            place = self._abandoned(connection, now)
            if place is None:
                if given >= len(self.plan.sessions):
                    raise Full
                place = given
                mine = studies.c.plan == self.plan.hash
                connection.execute(update(studies).where(mine).values(given=given + 1))
            visit = Visit(secrets.token_hex(16), place, 0)
            connection.execute(
                insert(visits).values(
                    id=visit.id,
                    plan=self.plan.hash,
                    participant=participant,
                    place=place,
                    answered=0,
                    began=now,
                )
            )
            return visit

    def keep(self, visit_id: str, answer: Answer) -> None:
        """Keep the answer to the first unanswered trial, or find that it is kept already.

        Raises:
            Conflict: Another trial is next, another answer was given, or there is no such visit.
        """
        with self._transaction() as connection:
            mine = visits.c.id == visit_id
            follows = mine & (visits.c.answered == answer.trial - 1)
            moved = connection.execute(
                update(visits).where(follows).values(answered=answer.trial)
            ).rowcount
            if moved:
                connection.execute(insert(answers).values(visit=visit_id, **_columns(answer)))
                return
            answered = connection.execute(select(visits.c.answered).where(mine)).scalar()
            if answered is None:
                raise Conflict("Your session was given to another person; reload the page.", None)
            same = (answers.c.visit == visit_id) & (answers.c.trial == answer.trial)
            kept = connection.execute(select(answers.c.answer).where(same)).scalar()
            if kept is None:
                raise Conflict("This trial is not the next one.", answered + 1)
            if kept != answer.answer:
                raise Conflict("This trial was answered otherwise before.", answered + 1)

    def votes(self) -> list[Vote]:
        """Return every answer to the plan, in the order in which sessions began."""
        with self._transaction() as connection:
            query = (
                select(visits, answers)
                .join(answers, answers.c.visit == visits.c.id)
                .where(visits.c.plan == self.plan.hash)
                .order_by(visits.c.began, visits.c.id, answers.c.trial)
            )
            rows = connection.execute(query).all()
        return [self._vote(row) for row in rows]

    def visits(self) -> list[Visit]:
        """Return every visit, in the order of the plan's sessions."""
        with self._transaction() as connection:
            query = select(visits).where(visits.c.plan == self.plan.hash).order_by(visits.c.place)
            return [_visit(row) for row in connection.execute(query)]

    def _find(self, connection: Connection, participant: str) -> Visit | None:
        mine = (visits.c.plan == self.plan.hash) & (visits.c.participant == participant)
        found = connection.execute(select(visits).where(mine)).first()
        return None if found is None else _visit(found)

    def _abandoned(self, connection: Connection, now: float) -> int | None:
        """Free the first session that was begun long ago and not answered; None if there is none.

        Only the removal decides: it does not happen if a first answer came in between.
        """
        unanswered = (visits.c.plan == self.plan.hash) & (visits.c.answered == 0)
        old = unanswered & (visits.c.began < now - ABANDONED)
        first = select(func.min(visits.c.place)).where(old)
        place: int | None = connection.execute(first).scalar()
        if place is None:
            return None
        removal = delete(visits).where(old & (visits.c.place == place))
        return place if connection.execute(removal).rowcount else None

    def _vote(self, row: Row[Any]) -> Vote:
        session = self.plan.sessions[row.place]
        trial = session.trials[row.trial - 1]
        real, fake = trial.real_and_fake
        return Vote(
            participant=row.participant,
            session=session.id,
            algorithm=session.algorithm,
            trial=row.trial,
            practice=row.trial <= self.plan.practice,
            real=trial.real,
            answer=row.answer,
            real_image=self.plan.images[real],
            fake_image=self.plan.images[fake],
            order=row.began,
            response_ms=row.response_ms,
            shown_ms=(row.left_ms, row.right_ms),
            dropped_frames=row.dropped_frames,
            lost_focus=row.lost_focus,
            seen_before=row.seen_before,
            trials=len(session.trials),
        )

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with self.engine.begin() as connection:
            yield connection


def _visit(row: Row[Any]) -> Visit:
    return Visit(row.id, row.place, row.answered)


def _columns(answer: Answer) -> dict[str, object]:
    left, right = answer.shown_ms
    return {
        "trial": answer.trial,
        "answer": answer.answer,
        "response_ms": answer.response_ms,
        "left_ms": left,
        "right_ms": right,
        "dropped_frames": answer.dropped_frames,
        "lost_focus": answer.lost_focus,
        "seen_before": answer.seen_before,
        "at": time.time(),
    }


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            # One connection: transactions come one after another, in the order in which they ask.
            engine = create_engine(
                parsed,
                pool_size=1,
                max_overflow=0,
                connect_args={"check_same_thread": False, "isolation_level": None},
            )
            event.listen(engine, "connect", _durable)
            event.listen(engine, "begin", _begin_immediate)
            return engine
        if parsed.drivername == "postgresql+psycopg":
            return create_engine(parsed, pool_size=8, max_overflow=8, pool_pre_ping=True)
    except (ArgumentError, NoSuchModuleError):
        pass
    except ImportError as error:
        raise InputError(
            f"got --database of PostgreSQL, and its driver is not installed ({error}); "
            'pip install "p2p-eval[postgresql]"'
        ) from error
    raise InputError(
        "got a --database that is none, expected sqlite:///FILE or "
        "postgresql+psycopg://USER:PASSWORD@HOST/NAME"
    )


def _durable(connection: Any, _record: object) -> None:
    """What is committed is on the disk, and readers do not wait for writers."""
    for setting in ("journal_mode = WAL", "synchronous = FULL", "busy_timeout = 10000"):
        connection.execute(f"PRAGMA {setting}")


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")

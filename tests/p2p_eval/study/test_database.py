"""Sessions are given out evenly and once, answers in order and once."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "helpers"))

from small_study import study

from p2p_eval.errors import InputError, StoreError
from p2p_eval.study.database import ABANDONED, Answer, Conflict, Database, Full
from p2p_eval.study.plan import Plan, Side

NOW = 1e9


def answer(trial: int, side: Side = "left") -> Answer:
    return Answer(trial, side, 500.0, (1000.0, 1000.0), 0, False, 0)


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return study(tmp_path_factory.mktemp("plan") / "study", sessions=100)


@pytest.fixture
def database(plan: Plan, tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'answers.sqlite'}", plan)
    yield database
    database.close()


def test_200_at_once_get_a_session_each_evenly(database: Database, plan: Plan) -> None:
    with ThreadPoolExecutor(32) as pool:
        given = list(pool.map(database.begin, [f"{i % 200}" for i in range(400)]))
    assert len({visit.place for visit in given}) == 200
    assert len({visit.id for visit in given}) == 200
    shares = Counter(plan.sessions[place].algorithm for place in {v.place for v in given})
    assert shares == {"L1": 100, "L1+cGAN": 100}
    with pytest.raises(Full):
        database.begin("one more")


def test_one_answer_of_many_at_once_is_kept(database: Database) -> None:
    visit = database.begin("somebody")

    def post(number: int) -> str:
        try:
            database.keep(visit.id, answer(1, "left" if number % 2 else "right"))
        except Conflict as conflict:
            return f"next is {conflict.next}"
        return "left" if number % 2 else "right"

    with ThreadPoolExecutor(16) as pool:
        said = Counter(pool.map(post, range(40)))
    (kept,) = database.votes()
    assert said == {kept.answer: 20, "next is 2": 20}


def test_an_abandoned_session_is_given_again_unless_it_has_an_answer(database: Database) -> None:
    begun, answered = database.begin("begun", NOW), database.begin("answered", NOW)
    database.keep(answered.id, answer(1))
    assert database.begin("soon", NOW + ABANDONED - 1).place == 2
    again = database.begin("late", NOW + ABANDONED + 1)
    assert (again.place, database.visit(begun.id)) == (begun.place, None)
    with pytest.raises(Conflict) as refused:
        database.keep(begun.id, answer(1))
    assert refused.value.next is None
    assert database.begin("later", NOW + 1.5 * ABANDONED).place == 3
    assert database.find("answered") is not None


def test_answers_come_in_order(database: Database) -> None:
    visit = database.begin("somebody")
    with pytest.raises(Conflict, match="not the next"):
        database.keep(visit.id, answer(2))
    database.keep(visit.id, answer(1))
    database.keep(visit.id, answer(2))
    database.keep(visit.id, answer(1))
    assert [vote.trial for vote in database.votes()] == [1, 2]


def test_what_is_committed_is_on_the_disk(database: Database) -> None:
    with database.engine.connect() as connection:
        for setting, value in (("journal_mode", "wal"), ("synchronous", 2)):
            assert connection.exec_driver_sql(f"PRAGMA {setting}").scalar() == value


@pytest.mark.parametrize(
    "url", ["", "mysql://x", "nothing", "postgresql+psycopg2://x/y", "sqlite+nothing:///x"]
)
def test_other_addresses_are_refused(plan: Plan, url: str) -> None:
    with pytest.raises(InputError, match="expected sqlite:///FILE"):
        Database(url, plan)


def test_a_database_that_is_not_there_is_said_without_its_password(plan: Plan) -> None:
    with pytest.raises(StoreError, match="cannot be used") as refused:
        Database("postgresql+psycopg://me:secret-word@127.0.0.1:1/study", plan)
    assert "secret-word" not in str(refused.value)
    with pytest.raises(StoreError, match="cannot be used"):
        Database("sqlite:////nowhere/answers.sqlite", plan)

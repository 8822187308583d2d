"""HITs on an emulation of Mechanical Turk's API: cost, creation, interruptions, one a person."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "helpers"))

from mturk_emulation import NOW, Emulation, emulate
from small_study import form, study

from p2p_eval.errors import InputError, StoreError
from p2p_eval.study.csv_rows import read_rows
from p2p_eval.study.mturk import export_mturk, read_batch
from p2p_eval.study.mturk_collect import collect
from p2p_eval.study.mturk_hits import create, estimate, grant, made_before
from p2p_eval.study.mturk_results import parse_mturk_results
from p2p_eval.study.mturk_service import connect
from p2p_eval.study.mturk_state import Terms, state_path
from p2p_eval.study.plan import Plan

TERMS = Terms(Decimal("1.00"))
SESSIONS = 6


@pytest.fixture(scope="module", autouse=True)
def _no_account() -> Iterator[None]:
    """Credentials that nobody has, no configuration of the user's, and no waiting."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("AWS_ACCESS_KEY_ID", "test")
        patched.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patched.setenv("AWS_EC2_METADATA_DISABLED", "true")
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            patched.setenv(name, "/nonexistent")
        patched.delenv("AWS_PROFILE", raising=False)
        patched.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
        yield


@pytest.fixture(scope="module")
def emulation() -> Iterator[Emulation]:
    with emulate() as emulation:
        yield emulation


@pytest.fixture(scope="module")
def client(emulation: Emulation, _no_account: None) -> Iterator[Any]:
    client = connect("sandbox", emulation.url)
    yield client
    client.close()


@pytest.fixture
def service(emulation: Emulation) -> Emulation:
    emulation.reset()
    return emulation


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Plan]:
    root = tmp_path_factory.mktemp("exported")
    plan = study(root / "study", sessions=SESSIONS // 2)
    export_mturk(root / "study", plan, root / "out", image_url="https://example.org/i")
    return root / "out", plan


@pytest.fixture
def plan(exported: tuple[Path, Plan]) -> Plan:
    return exported[1]


@pytest.fixture
def folder(exported: tuple[Path, Plan], tmp_path: Path) -> Path:
    return Path(shutil.copytree(exported[0], tmp_path / "out"))


def sessions_of(service: Emulation) -> list[str]:
    return [service.session(hit) for hit in service.hits]


@pytest.mark.parametrize(
    ("reward", "total"),
    [("1.00", "120.00"), ("0.5", "60.00"), ("0.01", "2.00"), ("0.99", "119.00"), ("100", "12000")],
)
def test_cost_is_reward_and_a_fifth_and_a_cent_at_least(reward: str, total: str) -> None:
    assert estimate(100, Decimal(reward)).total == Decimal(total)


@pytest.mark.parametrize("reward", ["0", "-1", "0.001", "1.005", "100.01"])
def test_rewards_that_cannot_be_paid_are_refused(reward: str) -> None:
    with pytest.raises(InputError, match="in cents"):
        estimate(1, Decimal(reward))


def test_each_session_is_a_hit_for_one_person(
    service: Emulation, client: Any, folder: Path, plan: Plan
) -> None:
    state = create(folder, client, "sandbox", TERMS)
    assert sorted(sessions_of(service)) == sorted(session.id for session in plan.sessions)
    assert {hit["MaxAssignments"] for hit in service.hits.values()} == {1}
    (kind,) = service.hit_types.values()
    assert kind["Reward"] == "1.00"
    (rule,) = kind["QualificationRequirements"]
    assert rule == {
        "QualificationTypeId": state.qualification,
        "Comparator": "DoesNotExist",
        "ActionsGuarded": "DiscoverPreviewAndAccept",
    }
    assert service.balance == 10_000 - estimate(SESSIONS, TERMS.reward).total
    assert made_before(folder, "sandbox") == SESSIONS
    assert made_before(folder, "live") == 0


def test_again_makes_nothing(service: Emulation, client: Any, folder: Path) -> None:
    create(folder, client, "sandbox", TERMS)
    balance = service.balance
    create(folder, client, "sandbox", TERMS)
    assert len(service.hits) == SESSIONS
    assert service.count("CreateHITWithHITType") == SESSIONS
    assert service.balance == balance


@pytest.mark.parametrize("lost_state", [False, True])
@pytest.mark.parametrize("tokens_expire", [False, True])
def test_an_interrupted_creation_goes_on(
    service: Emulation, client: Any, folder: Path, lost_state: bool, tokens_expire: bool
) -> None:
    class Killed(BaseException):
        pass

    def stop(done: int, total: int) -> None:
        if done == 4:
            raise Killed

    with pytest.raises(Killed):
        create(folder, client, "sandbox", TERMS, stop)
    assert len(service.hits) == 4
    service.tokens_expire = tokens_expire
    if lost_state:
        state_path(folder, "sandbox").unlink()
    create(folder, client, "sandbox", TERMS)
    assert len(service.hits) == len(set(sessions_of(service))) == SESSIONS
    assert len(service.qualifications) == len(service.hit_types) == 1


def test_throttling_and_faults_are_tried_again(
    service: Emulation, client: Any, folder: Path
) -> None:
    service.faults = [
        ("GetAccountBalance", "throttle"),
        ("CreateQualificationType", "fault"),
        ("CreateHITType", "fault"),
        ("CreateHITWithHITType", "throttle"),
        ("CreateHITWithHITType", "fault"),
        ("ListHITs", "throttle"),
    ]
    create(folder, client, "sandbox", TERMS)
    assert service.faults == []
    assert len(set(sessions_of(service))) == len(service.hits) == SESSIONS


def test_a_lost_answer_doubles_nothing(service: Emulation, client: Any, folder: Path) -> None:
    service.faults = [
        ("CreateQualificationType", "lost"),
        ("CreateHITType", "lost"),
        *[("CreateHITWithHITType", "lost")] * 3,
    ]
    state = create(folder, client, "sandbox", TERMS)
    assert len(set(sessions_of(service))) == len(service.hits) == SESSIONS
    assert len(service.qualifications) == len(service.hit_types) == 1
    assert {s: service.session(hit) for s, hit in state.hits.items()} == {s: s for s in state.hits}


def test_a_service_that_stays_down_keeps_what_was_made(
    service: Emulation, client: Any, folder: Path
) -> None:
    def down(done: int, total: int) -> None:
        if done == 2:
            service.faults = [("CreateHITWithHITType", "stop")]

    with pytest.raises(InputError, match="busy; wait some minutes"):
        create(folder, client, "sandbox", TERMS, down)
    assert made_before(folder, "sandbox") == 2
    service.faults = []
    create(folder, client, "sandbox", TERMS)
    assert len(set(sessions_of(service))) == len(service.hits) == SESSIONS


def test_too_little_money_makes_nothing(service: Emulation, client: Any, folder: Path) -> None:
    service.balance = Decimal("7.19")
    with pytest.raises(InputError, match=r"7\.19 US dollars, of which 6 sessions need 7\.20"):
        create(folder, client, "sandbox", TERMS)
    assert service.qualifications == {}
    assert service.hits == {}


def test_money_that_runs_out_meanwhile_is_said(
    service: Emulation, client: Any, folder: Path
) -> None:
    def spend(done: int, total: int) -> None:
        service.balance = Decimal(0 if done == 3 else 100)

    with pytest.raises(InputError, match="add funds to the requester account"):
        create(folder, client, "sandbox", TERMS, spend)
    assert made_before(folder, "sandbox") == 3


def test_other_terms_are_refused(service: Emulation, client: Any, folder: Path) -> None:
    create(folder, client, "sandbox", TERMS)
    with pytest.raises(InputError, match="other terms"):
        create(folder, client, "sandbox", Terms(Decimal("2.00")))


def test_a_person_who_submitted_gets_no_second_session(
    service: Emulation, client: Any, folder: Path, plan: Plan
) -> None:
    create(folder, client, "sandbox", TERMS)
    first, second, third, *_ = service.hits
    service.submit("A1", first, {})
    service.submit("A1", second, {})  # in the time until grant looks
    assert grant(folder, client, "sandbox").submitted == 2
    with pytest.raises(PermissionError):
        service.submit("A1", third, {})
    service.submit("A2", third, {})
    assert grant(folder, client, "sandbox").submitted == 3
    assert service.count("AssociateQualificationWithWorker") == 3
    assert {worker for _, worker in service.qualified} == {"A1", "A2"}
    assert "A1" not in state_path(folder, "sandbox").read_text()


def test_what_is_collected_becomes_votes(
    service: Emulation, client: Any, folder: Path, plan: Plan
) -> None:
    create(folder, client, "sandbox", TERMS)
    known = {session.id: session for session in plan.sessions}
    first, second, forged, empty, *_ = service.hits
    service.submit("A1", first, form(plan, known[service.session(first)], "left"), NOW)
    service.submit("A1", second, form(plan, known[service.session(second)], "right"), NOW - 600)
    service.submit("A<2>", forged, form(plan, known[service.session(first)]))
    service.submit("A3", empty, {"answers": "=cmd()", "unknown": "x"})
    path, count = collect(folder, client, "sandbox", plan)
    assert count == 4
    assert "A1" not in path.read_text()
    found = parse_mturk_results(read_rows(path), plan)
    assert len({vote.participant for vote in found.votes}) == 1
    orders = {vote.session: vote.order for vote in found.votes}
    assert len(orders) == 2
    assert max(orders.values()) - min(orders.values()) == 600
    assert {vote.answer for vote in found.votes if vote.order == NOW} == {"left"}
    assert [line.split(": ", 1)[1][:40] for line in found.refused] == [
        "the answers are of another session than ",
        "the answers are of another session than ",
    ]


def test_before_creation_there_is_nothing_to_grant(
    service: Emulation, client: Any, folder: Path
) -> None:
    with pytest.raises(InputError, match="no HITs were made yet"):
        grant(folder, client, "sandbox")


def test_hits_of_another_export_are_not_mixed(
    service: Emulation, client: Any, folder: Path, tmp_path: Path
) -> None:
    create(folder, client, "sandbox", TERMS)
    other = study(tmp_path / "other", seed=9)
    export_mturk(tmp_path / "other", other, tmp_path / "new", image_url="https://example.org/i")
    state_path(folder, "sandbox").rename(state_path(tmp_path / "new", "sandbox"))
    with pytest.raises(InputError, match="exported anew"):
        create(tmp_path / "new", client, "sandbox", TERMS)
    assert read_batch(tmp_path / "new").plan == other.hash


def test_without_boto3_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(InputError, match=r"pip install 'p2p-eval\[mturk\]'"):
        connect("sandbox")


def test_without_credentials_it_says_so(
    service: Emulation, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    client = connect("sandbox", service.url)
    with pytest.raises(InputError, match="no AWS credentials"):
        create(folder, client, "sandbox", TERMS)
    client.close()


def test_a_closed_port_is_said(folder: Path) -> None:
    client = connect("sandbox", "http://127.0.0.1:9")
    with pytest.raises(InputError, match="check the network"):
        create(folder, client, "sandbox", TERMS)
    client.close()


def test_an_endpoint_that_is_no_address_is_refused() -> None:
    with pytest.raises(InputError, match="--endpoint"):
        connect("sandbox", "not an address")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": "p2p-eval/mturk-hits/1"}'])
def test_a_damaged_state_makes_nothing(
    service: Emulation, client: Any, folder: Path, text: str
) -> None:
    state_path(folder, "sandbox").write_text(text)
    with pytest.raises(StoreError, match="without it HITs could be made twice"):
        create(folder, client, "sandbox", TERMS)
    assert service.calls == []

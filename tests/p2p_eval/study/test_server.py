"""The server of a study, as a client that means well or ill finds it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parents[2] / "helpers"))

from small_study import PRACTICE, TRIALS, study
from study_server import TOKEN, Server

from p2p_eval.cli import app
from p2p_eval.study.answers import read_answers
from p2p_eval.study.plan import Plan
from p2p_eval.study.simulate import Crowd, simulate_plan

LENGTH = PRACTICE + TRIALS


@pytest.fixture(scope="module")
def plan_and_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Plan, Server]]:
    folder = tmp_path_factory.mktemp("server")
    plan = study(folder / "study", sessions=40)
    server = Server(folder / "study", folder / "out")
    yield plan, server
    server.kill()


@pytest.fixture
def plan(plan_and_server: tuple[Plan, Server]) -> Plan:
    return plan_and_server[0]


@pytest.fixture
def server(plan_and_server: tuple[Plan, Server]) -> Server:
    return plan_and_server[1]


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.address) as client:
        yield client


def begin(client: httpx.Client, participant: str | None = None) -> dict[str, Any]:
    reply = client.post("/api/session", json={"participant": participant, "agreed": True})
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


def record(session: dict[str, Any], trial: int, side: str = "left") -> dict[str, Any]:
    about = {"plan": session["plan"], "session": session["id"]}
    return {
        **about,
        "trial": trial,
        "answer": side,
        "response_ms": 432.1,
        "shown_ms": [1000.2, 1000.2],
        "dropped_frames": 0,
        "lost_focus": False,
        "seen_before": 0,
    }


def test_a_session_from_consent_to_votes(client: httpx.Client, plan: Plan) -> None:
    asked = client.post("/api/session", json={"participant": None, "agreed": False})
    assert (asked.json(), asked.cookies) == ({}, {})
    session = begin(client)
    assert set(session) == {"plan", "id", "trials", "practice", "milliseconds", "start"}
    assert {key for trial in session["trials"] for key in trial} == {"left", "right"}
    drawn = next(s for s in plan.sessions if s.id == session["id"])
    for trial, shown in enumerate(drawn.trials, 1):
        image = client.get(f"/images/{shown.left}.png")
        assert image.headers["content-type"] == "image/png"
        assert not {"etag", "last-modified"} & image.headers.keys()
        reply = client.post("/api/answers", json=record(session, trial))
        expected = {"correct": shown.real == "right"} if trial <= PRACTICE else {}
        assert (reply.status_code, reply.json()) == (200, expected)
    assert begin(client)["start"] == LENGTH + 1
    mine = [v for v in _votes(client, plan) if v["session"] == session["id"]]
    assert [int(v["trial"]) for v in mine] == list(range(1, LENGTH + 1))
    assert [v["real"] for v in mine] == [t.real for t in drawn.trials]
    assert {v["answer"] for v in mine} == {"left"}


def test_the_same_answer_again_is_fine_and_another_is_refused(client: httpx.Client) -> None:
    session = begin(client)
    first = client.post("/api/answers", json=record(session, 1))
    again = client.post("/api/answers", json={**record(session, 1), "response_ms": 9.0})
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    other = client.post("/api/answers", json=record(session, 1, "right"))
    assert (other.status_code, other.json()["next"]) == (409, 2)
    early = client.post("/api/answers", json=record(session, 3))
    assert (early.status_code, early.json()["next"]) == (409, 2)
    assert begin(client)["start"] == 2


def test_a_person_of_a_panel_has_one_session_anywhere(server: Server) -> None:
    with httpx.Client(base_url=server.address) as one, httpx.Client(base_url=server.address) as two:
        assert begin(one, "5f2a")["id"] == begin(two, "5f2a")["id"]
        assert begin(two, "5f2b")["id"] != begin(one, "5f2a")["id"]


@pytest.mark.parametrize("panel_id", ["", "x" * 201, "a\nb", "a\0b", "\u202ea"])
def test_an_id_that_no_file_could_keep_is_refused(client: httpx.Client, panel_id: str) -> None:
    reply = client.post("/api/session", json={"participant": panel_id, "agreed": True})
    assert reply.status_code == 422
    assert reply.json() == {"detail": "The request cannot be used: body.participant."}


def test_ids_of_a_panel_are_not_kept(client: httpx.Client, server: Server, plan: Plan) -> None:
    session = begin(client, "somebody@example.org")
    client.post("/api/answers", json=record(session, 1))
    out = Path(server.command[server.command.index("--out") + 1])
    for path in out.iterdir():
        assert b"somebody" not in path.read_bytes(), path
    assert any(v["session"] == session["id"] for v in _votes(client, plan))


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"plan": "0" * 64}, 403),
        ({"session": "0" * 32}, 403),
        ({"trial": LENGTH + 1}, 409),
        ({"trial": 0}, 422),
        ({"trial": True}, 422),
        ({"trial": 10**30}, 422),
        ({"answer": "both"}, 422),
        ({"answer": None}, 422),
        ({"response_ms": -1}, 422),
        ({"response_ms": "soon"}, 422),
        ({"shown_ms": [1.0]}, 422),
        ({"dropped_frames": 2**70}, 422),
        ({"name": "an unasked-for field"}, 422),
    ],
)
def test_answers_that_cannot_be(client: httpx.Client, change: dict[str, Any], status: int) -> None:
    session = begin(client)
    reply = client.post("/api/answers", json={**record(session, 1), **change})
    assert reply.status_code == status
    assert begin(client)["start"] == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"{", 422),
        (b"\xff\xfe", 422),
        (b'{"trial": NaN}', 422),
        (b"[" * 8000, 400),
        (b" " * 10_000, 413),
    ],
)
def test_posts_that_are_no_answers(client: httpx.Client, body: bytes, status: int) -> None:
    session = begin(client)
    reply = client.post("/api/answers", content=body, headers={"content-type": "application/json"})
    assert 400 <= reply.status_code < 500
    assert reply.status_code == status
    assert begin(client)["start"] == session["start"]


def test_a_body_without_a_stated_length_is_bounded_too(client: httpx.Client) -> None:
    reply = client.post("/api/answers", content=(b" " * 1000 for _ in range(100)))
    assert reply.status_code == 413


def test_nobody_without_a_session_sees_or_answers_anything(
    client: httpx.Client, plan: Plan
) -> None:
    session = begin(client)
    cookie = client.cookies["p2p_eval_visit"]
    forged = ["", "x", cookie[:-1], f"x{cookie}", cookie.split(".")[0]]
    for value in forged:
        client.cookies.clear()
        client.cookies.set("p2p_eval_visit", value)
        image = session["trials"][0]["left"]
        assert client.get(f"/images/{image}.png").status_code == 403
        assert client.post("/api/answers", json=record(session, 1)).status_code == 403
    client.cookies.clear()
    client.cookies.set("p2p_eval_visit", cookie)
    mine = {token for trial in session["trials"] for token in trial.values()}
    other = next(token for token in plan.images if token not in mine)
    assert client.get(f"/images/{other}.png").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/images/..%2fplan.json",
        "/images/..%2f..%2fplan.json.png",
        "/images/../plan.json",
        "/images/%00.png",
        "/images/%2e%2e/plan.png",
        "/plan.json",
        "/docs",
        "/openapi.json",
    ],
)
def test_nothing_but_images_of_the_session_is_served(client: httpx.Client, path: str) -> None:
    begin(client)
    assert client.get(path).status_code == 404


def test_the_admin_page_is_behind_its_token(client: httpx.Client, plan: Plan) -> None:
    for path in ("/admin", "/admin/progress.json", "/admin/votes.csv"):
        for headers in (
            {},
            {"authorization": "Bearer wrong"},
            {"authorization": "Bearer ü".encode()},
        ):
            assert client.get(path, headers=headers).status_code == 401, path  # type: ignore[arg-type]
    assert client.post("/admin/login", data={"token": "wrong"}).status_code == 401
    logged_in = client.post("/admin/login", data={"token": TOKEN})
    assert (logged_in.status_code, logged_in.headers["location"]) == (303, "/admin")
    shown = client.get("/admin")
    assert shown.status_code == 200
    assert "L1+cGAN" in shown.text
    progress = client.get("/admin/progress.json").json()
    assert [row["algorithm"] for row in progress["rows"]] == list(plan.algorithms)
    assert progress["free"] == 80 - sum(row["begun"] for row in progress["rows"])


def test_every_reply_has_the_headers(client: httpx.Client) -> None:
    for reply in (client.get("/"), client.get("/session.js"), client.get("/nothing")):
        policy = reply.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'")
        assert "unsafe" not in policy
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["referrer-policy"] == "no-referrer"
    assert client.get("/").headers["cache-control"] == "no-store"


def test_votes_are_written_when_it_stops_and_the_same_command_goes_on(tmp_path: Path) -> None:
    plan = study(tmp_path / "study", sessions=1)
    server = Server(tmp_path / "study", tmp_path / "out", "--rate", "1")
    with httpx.Client(base_url=server.address) as client:
        sessions = []
        for _ in range(2):
            client.cookies.clear()
            sessions.append(begin(client))
            for trial in range(1, LENGTH + 1):
                client.post("/api/answers", json=record(sessions[-1], trial))
        assert [session["id"] for session in sessions] == [s.id for s in plan.sessions]
        client.cookies.clear()
        full = client.post("/api/session", json={"participant": None, "agreed": True})
        assert full.status_code == 410
        assert server.stop()[0] == 130
        votes = read_answers([tmp_path / "out" / "votes.csv"])
        assert len(votes.votes) == 2 * LENGTH
        server.start()
        try:
            assert client.get("/").status_code == 200
            refused = [client.get("/nothing").status_code for _ in range(150)]
            assert refused[0] == 404
            assert refused[-1] == 429
        finally:
            server.kill()


def test_simulated_people_answer_through_the_server_as_they_do_in_memory(tmp_path: Path) -> None:
    plan = study(tmp_path / "study", sessions=3)
    server = Server(tmp_path / "study", tmp_path / "out")
    try:
        with httpx.Client(base_url=server.address) as client:
            command = ["study", "simulate", str(tmp_path / "study"), "--rate", "30"]
            run = CliRunner().invoke(app, [*command, "--server", server.address, "--seed", "7"])
            assert run.exit_code == 0, run.output
            kept = {(v["session"], int(v["trial"])): v["answer"] for v in _votes(client, plan)}
    finally:
        server.kill()
    crowds = dict.fromkeys(plan.algorithms, Crowd(0.3, 0.1, 0.0))
    expected = simulate_plan(plan, crowds, seed=7)
    assert kept == {(v.session, v.trial): v.answer for v in expected}
    refused = CliRunner().invoke(app, ["study", "simulate", "--server", server.address])
    assert refused.exit_code == 2


def _votes(client: httpx.Client, plan: Plan) -> list[dict[str, str]]:
    import csv

    reply = client.get("/admin/votes.csv", headers={"authorization": f"Bearer {TOKEN}"})
    assert reply.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(reply.text.splitlines()))
    assert {row["plan"] for row in rows} <= {plan.hash}
    return rows

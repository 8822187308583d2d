"""Exported studies as a browser shows them: a whole session, from a static host and as a HIT."""

from __future__ import annotations

import contextlib
import json
import re
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Browser, Page

sys.path.insert(0, str(Path(__file__).parent / "helpers"))

from small_study import PRACTICE, TRIALS, study

from p2p_eval.study.bundle import export_bundle
from p2p_eval.study.bundle_answers import read_bundle_answers
from p2p_eval.study.mturk import export_mturk, read_batch
from p2p_eval.study.page_answers import AnswerReader
from p2p_eval.study.plan import Plan, Session

pytestmark = pytest.mark.browser

ALL = PRACTICE + TRIALS
PHONE = {"width": 360, "height": 740}


@dataclass
class Host:
    """A static host on loopback, and the address that answers are posted to."""

    folder: Path
    url: str = ""
    posted: list[bytes] = field(default_factory=list)
    down: bool = False


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[Host]:
    host = Host(folder)

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(folder))  # type: ignore[arg-type]

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            if self.path == "/favicon.ico":  # of the page after submission, which is not ours
                self.send_response(204)
                self.end_headers()
                return
            super().do_GET()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if not host.down:
                host.posted.append(body)
            self.send_response(503 if host.down else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    host.url = f"http://127.0.0.1:{http.server_address[1]}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield host
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


@pytest.fixture(scope="module")
def designed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Plan]:
    folder = tmp_path_factory.mktemp("designed") / "study"
    return folder, study(folder)


@pytest.fixture
def host(designed: tuple[Path, Plan], tmp_path: Path) -> Iterator[Host]:
    """A host of a bundle that posts to it; its address is known only once it is there."""
    with serve(tmp_path / "site") as host:
        export_bundle(*designed, tmp_path, post=f"{host.url}/answers")
        yield host


@pytest.fixture
def opened(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open a page of one person's browser; what it says on the console is an error."""
    context = browser.new_context(viewport=PHONE, accept_downloads=True)
    complaints: list[str] = []

    def open_(address: str) -> Page:
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda message: complaints.append(message.text) if "503" not in message.text else None,
        )
        # Pauses between pairs, and between tries to send, are for people.
        page.add_init_script(
            "const later = setTimeout; window.setTimeout = (f, ms) => later(f, ms / 10);"
        )
        page.goto(address)
        return page

    yield open_
    context.close()
    assert complaints == []


def begin(page: Page) -> None:
    page.locator("#agree:enabled").click()
    page.locator("#begin").click()


def take(page: Page, first: int = 1, last: int = ALL) -> None:
    """Say left in some trials."""
    for trial in range(first, last + 1):
        page.locator("#left:enabled").click()
        if trial <= PRACTICE:
            page.locator("#next").click()


def known(plan: Plan, session: str) -> Session:
    return next(found for found in plan.sessions if found.id == session)


def test_a_whole_session_is_posted_and_becomes_votes(
    host: Host, opened: Callable[..., Page], designed: tuple[Path, Plan], tmp_path: Path
) -> None:
    plan = designed[1]
    session = plan.sessions[1]
    page = opened(f"{host.url}/?session={session.id}&PROLIFIC_PID=P1")
    begin(page)
    for trial in session.trials[:PRACTICE]:
        page.locator("#left:enabled").click()
        text = page.locator("#feedback-text").text_content()
        assert text is not None
        assert text.startswith("Not correct" if trial.real == "left" else "Correct")
        page.locator("#next").click()
    take(page, PRACTICE + 1)
    page.locator("#done").wait_for(state="visible")
    (body,) = host.posted
    (tmp_path / "answers").mkdir()
    (tmp_path / "answers" / "1.json").write_bytes(body)
    found = read_bundle_answers(tmp_path / "answers", plan)
    assert found.refused == ()
    assert [vote.fooled for vote in found.votes] == [t.real == "left" for t in session.trials]
    for vote in found.votes:
        assert vote.participant == AnswerReader(plan).pseudonym("P1")
        assert vote.shown_ms is not None
        assert 20 <= vote.shown_ms[0] <= 2000
    page.reload()
    page.locator("#agree:enabled").click()
    page.locator("#done").wait_for(state="visible")
    assert len(host.posted) == 1


def test_a_reload_goes_on_at_the_same_trial(
    host: Host, opened: Callable[..., Page], designed: tuple[Path, Plan]
) -> None:
    page = opened(f"{host.url}/?session={designed[1].sessions[0].id}")
    begin(page)
    take(page, last=PRACTICE + 1)
    page.locator("#left:enabled").wait_for()
    page.reload()
    page.locator("#resumed").wait_for(state="visible")
    begin(page)
    assert page.locator("#progress-text").text_content() == f"Pair 2 of {TRIALS}"
    take(page, PRACTICE + 2)
    page.locator("#done").wait_for(state="visible")
    (body,) = host.posted
    assert [record["trial"] for record in json.loads(body)["answers"]] == [*range(1, ALL + 1)]


def test_of_two_tabs_the_first_answer_counts(
    host: Host, opened: Callable[..., Page], designed: tuple[Path, Plan]
) -> None:
    address = f"{host.url}/?session={designed[1].sessions[0].id}&participant=P1"
    first, second = opened(address), opened(address)
    first.bring_to_front()
    begin(first)
    take(first, last=3)
    second.bring_to_front()
    begin(second)
    second.locator("#right:enabled").click()  # trial 1 again
    second.locator("#next").click()
    second.locator("#progress-text", has_text=f"Pair 2 of {TRIALS}").wait_for()
    take(second, PRACTICE + 2)
    second.locator("#done").wait_for(state="visible")
    (body,) = host.posted
    assert [record["answer"] for record in json.loads(body)["answers"]] == ["left"] * ALL


def test_answers_that_cannot_be_sent_are_offered_as_a_file(
    host: Host, opened: Callable[..., Page], designed: tuple[Path, Plan], tmp_path: Path
) -> None:
    plan = designed[1]
    session = plan.sessions[0]
    host.down = True
    page = opened(f"{host.url}/?session={session.id}")
    begin(page)
    take(page)
    page.locator("#unsent").wait_for(state="visible")
    with page.expect_download() as saving:
        page.locator("#download").click()
    assert saving.value.suggested_filename == f"answers-{session.id}.json"
    saving.value.save_as(tmp_path / "saved" / "a.json")
    assert len(read_bundle_answers(tmp_path / "saved", plan).votes) == ALL
    page.reload()  # nothing was sent, so the offer stands
    page.locator("#agree:enabled").click()
    page.locator("#unsent").wait_for(state="visible")
    host.down = False
    page.locator("#send-again").click()
    page.locator("#done").wait_for(state="visible")
    (body,) = host.posted
    assert json.loads(body) == json.loads((tmp_path / "saved" / "a.json").read_text())


def test_without_an_address_answers_are_saved_and_nothing_is_posted(
    opened: Callable[..., Page], designed: tuple[Path, Plan], tmp_path: Path
) -> None:
    export_bundle(*designed, tmp_path)
    with serve(tmp_path / "site") as host:
        page = opened(f"{host.url}/?session={designed[1].sessions[0].id}")
        begin(page)
        take(page)
        page.locator("#to-save").wait_for(state="visible")
        assert not page.locator("#unsent").is_visible()
        with page.expect_download() as saving:
            page.locator("#download").click()
        assert len(json.loads(Path(saving.value.path()).read_text())["answers"]) == ALL
        assert host.posted == []


def test_a_person_without_a_link_gets_always_the_same_session(
    host: Host, opened: Callable[..., Page], designed: tuple[Path, Plan]
) -> None:
    def session_of(person: str) -> str:
        page = opened("about:blank")
        with page.expect_response("**/sessions/*.json") as loaded:
            page.goto(f"{host.url}/?participant={person}")
        page.close()
        return loaded.value.url.rsplit("/", 1)[1].removesuffix(".json")

    given = [session_of(person) for person in ("P1", "P2", "P3", "P4", "P1")]
    assert given[0] == given[-1]
    assert len(set(given)) > 1
    assert set(given) <= {session.id for session in designed[1].sessions}


def test_a_link_to_no_session_is_said(host: Host, opened: Callable[..., Page]) -> None:
    page = opened(f"{host.url}/?session=../../study/plan")
    page.locator("#failed").wait_for(state="visible")
    assert "leads to no session" in (page.locator("#failed-why").text_content() or "")


@pytest.fixture
def hit(designed: tuple[Path, Plan], tmp_path: Path) -> Iterator[tuple[Host, str]]:
    """A HIT's page as the service hosts it, images on another address."""
    with serve(tmp_path) as host:
        export_mturk(*designed, tmp_path, image_url=f"{host.url}/images")
        batch = read_batch(tmp_path)
        session = designed[1].sessions[0].id
        xml = batch.html_question(session)
        page = xml.split("<![CDATA[")[1].split("]]></HTMLContent>")[0]
        (tmp_path / "hit.html").write_text(page, encoding="utf-8")
        wrapped = (
            f'<form id="mturk_form" action="/mturk/externalSubmit" method="post">{page}</form>'
        )
        (tmp_path / "wrapped.html").write_text(wrapped, encoding="utf-8")
        yield host, session


@pytest.mark.parametrize("name", ["hit.html", "wrapped.html"])
def test_a_hit_submits_its_answers(
    hit: tuple[Host, str], opened: Callable[..., Page], designed: tuple[Path, Plan], name: str
) -> None:
    host, session = hit
    plan = designed[1]
    page = opened(f"{host.url}/{name}?assignmentId=A1&workerId=W1&turkSubmitTo={host.url}")
    begin(page)
    take(page, last=PRACTICE + 1)
    page.reload()
    begin(page)
    take(page, PRACTICE + 2)
    page.wait_for_url("**/mturk/externalSubmit")
    (body,) = host.posted
    fields = {key: values[0] for key, values in parse_qs(body.decode()).items()}
    assert fields["assignmentId"] == "A1"
    votes = AnswerReader(plan).read(
        fields["answers"],
        plan_hash=fields["plan"],
        session=fields["session"],
        person="W1",
        source="A1",
        order=0,
    )
    trials = known(plan, session).trials
    assert [vote.fooled for vote in votes] == [trial.real == "left" for trial in trials]


def test_a_preview_shows_no_trial(hit: tuple[Host, str], opened: Callable[..., Page]) -> None:
    page = opened(f"{hit[0].url}/hit.html?assignmentId=ASSIGNMENT_ID_NOT_AVAILABLE")
    page.locator("#preview").wait_for(state="visible")
    assert page.locator("#agree").is_disabled()


def test_a_second_hit_in_the_same_browser_is_refused(
    hit: tuple[Host, str], opened: Callable[..., Page]
) -> None:
    address = f"{hit[0].url}/hit.html?turkSubmitTo={hit[0].url}&assignmentId="
    page = opened(f"{address}A1")
    begin(page)
    take(page)
    page.wait_for_url("**/mturk/externalSubmit")
    page.goto(f"{address}A2")
    page.locator("#failed").wait_for(state="visible")
    assert "only once" in (page.locator("#failed-why").text_content() or "")


def test_answers_go_to_the_service_only(hit: tuple[Host, str], opened: Callable[..., Page]) -> None:
    page = opened(f"{hit[0].url}/hit.html?assignmentId=A1&turkSubmitTo=https://evil.example")
    sent: list[str] = []
    page.route(
        re.compile("^https:"),
        lambda route: (sent.append(route.request.url), route.fulfill(body="kept")),
    )
    begin(page)
    take(page)
    page.wait_for_url("**/mturk/externalSubmit")
    assert sent == ["https://www.mturk.com/mturk/externalSubmit"]

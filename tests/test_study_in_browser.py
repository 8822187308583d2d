"""The study as a browser runs it, against the real server: timing, reloads, tabs, small screens."""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

sys.path.insert(0, str(Path(__file__).parent / "helpers"))

from small_study import PRACTICE, TRIALS, study
from study_results import pairs
from study_server import TOKEN, Server

from p2p_eval.study.design import design
from p2p_eval.study.images import write_study
from p2p_eval.study.plan import Plan

pytestmark = pytest.mark.browser

LENGTH = PRACTICE + TRIALS
FRAME = 1000 / 60
WHOLE = 50

# What a screen reader would stumble over: buttons, images and fields without a name, ids twice,
# headings out of order, and text that does not stand out from its ground.
UNNAMED = """() => [...document.querySelectorAll('button, a, img, input, progress')].filter(e =>
    e.checkVisibility() && !(e.alt || e.textContent.trim() || e.ariaLabel
    || [...(e.labels ?? [])].some(l => l.textContent.trim()))).map(e => e.outerHTML)"""
IDS_TWICE = """() => [...document.querySelectorAll('[id]')].map(e => e.id)
    .filter((id, i, all) => all.indexOf(id) !== i)"""
HEADINGS = """() => [...document.querySelectorAll('h1, h2, h3')].filter(e => e.checkVisibility())
    .map(e => Number(e.tagName[1]))"""
CONTRAST = """() => {
    const parts = c => c.match(/[0-9.]+/g).map(Number);
    const light = c => { const [r, g, b] = c.map(x => { x /= 255;
        return x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4 });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b };
    const ground = e => { if (!e) return [255, 255, 255];
        const [r, g, b, a = 1] = parts(getComputedStyle(e).backgroundColor);
        return a === 0 ? ground(e.parentElement) : [r, g, b] };
    const texts = [...document.querySelectorAll('main *')].filter(e => !e.disabled
        && e.checkVisibility({ visibilityProperty: true })
        && [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()));
    return Math.min(21, ...texts.map(e => {
        const ink = parts(getComputedStyle(e).color).slice(0, 3);
        const [a, b] = [ink, ground(e)].map(light).sort((x, y) => y - x);
        return (a + 0.05) / (b + 0.05) })) }"""


@pytest.fixture(scope="module")
def plan_and_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Plan, Server]]:
    folder = tmp_path_factory.mktemp("study")
    plan = study(folder / "study", sessions=20)
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
def person(browser: Browser, server: Server) -> Iterator[BrowserContext]:
    """A browser of one person; what it complains of, or asks others for, is an error."""
    context = browser.new_context()
    context.set_default_timeout(20_000)
    complaints: list[str] = []
    expected = (
        "409 (Conflict)",
        "503 (Service Unavailable)",
        "ERR_INTERNET_DISCONNECTED",
        "ERR_CONNECTION_REFUSED",
    )
    context.on("console", lambda message: complaints.append(message.text))
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    context.on("request", lambda request: complaints.append(request.url)
               if not request.url.startswith(server.address) else None)  # fmt: skip
    yield context
    context.close()
    assert [text for text in complaints if not text.endswith(expected)] == []


def enter(page: Page, address: str) -> None:
    """Agree, and wait until the images are there."""
    page.goto(address)
    page.locator("#agree").click()
    page.locator("#begin").click()


def answer(page: Page, side: str = "left") -> None:
    """Answer one pair, by the button; after practice go on."""
    page.locator(f"#{side}:enabled").click()
    if page.locator("#progress-text").inner_text().startswith("Practice"):
        page.locator("#next").click()


def kept(server: Server, session: str | None = None) -> list[dict[str, str]]:
    reply = httpx.get(
        f"{server.address}/admin/votes.csv", headers={"authorization": f"Bearer {TOKEN}"}
    )
    rows = list(csv.DictReader(reply.text.splitlines()))
    newest = session or max(rows, key=lambda row: float(row["order"]))["session"]
    return [row for row in rows if row["session"] == newest]


def test_a_session_is_answered_by_keys_with_feedback_in_practice_only(
    person: BrowserContext, server: Server, plan: Plan
) -> None:
    page = person.new_page()
    enter(page, server.address)
    trials: list[bool] = []
    for trial in range(1, LENGTH + 1):
        expect(page.locator("#left")).to_be_enabled()
        page.keyboard.press("ArrowLeft" if trial % 2 else "ArrowRight")
        if trial <= PRACTICE:
            feedback = page.locator("#feedback-text")
            expect(feedback).to_be_visible()
            trials.append(feedback.inner_text().startswith("Correct"))
            expect(page.locator("#next")).to_be_focused()
            expect(page.locator("#status")).to_have_text(feedback.inner_text())
            page.keyboard.press("Enter")
    expect(page.locator("#done-title")).to_be_focused()
    votes = kept(server)
    drawn = next(s for s in plan.sessions if s.id == votes[0]["session"])
    assert [v["answer"] for v in votes] == ["left", "right"] * (LENGTH // 2)
    assert [v["answer"] != t.real for v, t in zip(votes, drawn.trials, strict=True)][
        :PRACTICE
    ] == trials


@pytest.mark.slow
def test_a_whole_session_shows_every_pair_for_one_second_to_within_a_frame(
    person: BrowserContext, tmp_path: Path
) -> None:
    experiments = pairs(tmp_path / "results", "L1", count=60)
    plan = design(experiments, sessions_per_algorithm=1, seed=0)  # as the paper: 10 and 40 trials
    assert len(plan.sessions[0].trials) == WHOLE
    write_study(tmp_path / "study", plan, experiments)
    server = Server(tmp_path / "study", tmp_path / "out")
    try:
        page = person.browser.new_page()  # type: ignore[union-attr]
        page.add_init_script(WATCH)
        enter(page, server.address)
        for _ in range(WHOLE):
            answer(page)
        expect(page.locator("#done-title")).to_be_visible()
        votes = kept(server)
        watched = page.evaluate("window.watched")
        page.close()
    finally:
        server.kill()
    assert len(votes) == WHOLE
    for vote, seen in zip(votes, watched, strict=True):
        shown = float(vote["shown_left_ms"])
        assert vote["shown_right_ms"] == vote["shown_left_ms"]
        assert vote["lost_focus"] == "0"
        # Each frame that was dropped may be the one that should have ended it.
        late = (1 + int(vote["dropped_frames"])) * FRAME
        assert 1000 - FRAME <= shown <= 1000 + late
        # As another clock in the page saw it, which reads some time after a frame began.
        assert abs(seen - shown) <= late + FRAME


# When the pair became visible and vanished, by an observer that knows nothing of the trial runner.
WATCH = """window.watched = []; addEventListener('DOMContentLoaded', () => {
    const shown = document.getElementById('stimulus'); let since;
    new MutationObserver(() => {
        if (shown.classList.contains('shown')) since = performance.now();
        else watched.push(performance.now() - since);
    }).observe(shown, { attributeFilter: ['class'] }) })"""


def test_a_reload_goes_on_at_the_same_trial(person: BrowserContext, server: Server) -> None:
    page = person.new_page()
    enter(page, server.address)
    for _ in range(3):
        answer(page)
    expect(page.locator("#left")).to_be_enabled()
    page.reload()
    expect(page.locator("#resumed")).to_be_visible()
    page.locator("#agree").click()
    page.locator("#begin").click()
    expect(page.locator("#progress-text")).to_have_text(f"Pair 2 of {TRIALS}")
    for _ in range(LENGTH - 3):
        answer(page)
    expect(page.locator("#done")).to_be_visible()
    votes = kept(server)
    assert [int(v["trial"]) for v in votes] == list(range(1, LENGTH + 1))
    # The pair that stood there was shown again, and that is known.
    assert [int(v["seen_before"]) for v in votes] == [int(n == 4) for n in range(1, LENGTH + 1)]
    page.reload()
    page.locator("#agree").click()
    expect(page.locator("#done")).to_be_visible()


def test_a_double_click_and_a_held_key_give_one_answer(
    person: BrowserContext, server: Server
) -> None:
    page = person.new_page()
    enter(page, server.address)
    for _ in range(PRACTICE):
        answer(page)
    expect(page.locator("#left")).to_be_enabled()
    page.locator("#left").dblclick(force=True, no_wait_after=True)
    expect(page.locator("#progress-text")).to_have_text(f"Pair 2 of {TRIALS}")
    expect(page.locator("#left")).to_be_enabled()
    for _ in range(5):
        page.keyboard.down("ArrowRight")
    page.keyboard.up("ArrowRight")
    expect(page.locator("#progress-text")).to_have_text(f"Pair 3 of {TRIALS}")
    expect(page.locator("#left")).to_be_enabled()
    assert [v["answer"] for v in kept(server)][PRACTICE:] == ["left", "right"]


def test_the_back_button_does_no_harm(person: BrowserContext, server: Server) -> None:
    page = person.new_page()
    page.goto(f"{server.address}/study.css")
    enter(page, server.address)
    for _ in range(3):
        answer(page)
    page.go_back()
    page.go_forward()
    if page.locator("#welcome").is_visible():
        page.locator("#agree").click()
        page.locator("#begin").click()
    for _ in range(LENGTH - 3):
        answer(page)
    expect(page.locator("#done")).to_be_visible()
    assert [int(v["trial"]) for v in kept(server)] == list(range(1, LENGTH + 1))


def test_two_tabs_give_one_answer_a_trial(person: BrowserContext, server: Server) -> None:
    one = person.new_page()
    enter(one, server.address)
    expect(one.locator("#left")).to_be_enabled()
    two = person.new_page()
    enter(two, server.address)
    expect(two.locator("#left")).to_be_enabled()
    one.bring_to_front()
    answer(one, "left")
    expect(one.locator("#progress-text")).to_have_text(f"Practice 2 of {PRACTICE}")
    two.bring_to_front()
    two.locator("#right").click()
    expect(two.locator("#progress-text")).to_have_text(f"Practice 2 of {PRACTICE}")
    for _ in range(LENGTH - 1):
        answer(two, "right")
    expect(two.locator("#done")).to_be_visible()
    assert [v["answer"] for v in kept(server)] == ["left"] + ["right"] * (LENGTH - 1)


def test_a_lost_connection_loses_nothing(person: BrowserContext, server: Server) -> None:
    page = person.new_page()
    enter(page, server.address)
    for _ in range(PRACTICE):
        answer(page)
    expect(page.locator("#left")).to_be_enabled()
    person.set_offline(True)
    page.locator("#left").click()
    expect(page.locator("#trouble")).to_be_visible()
    expect(page.locator("#left")).to_be_disabled()
    person.set_offline(False)
    expect(page.locator("#trouble")).to_be_hidden()
    for _ in range(TRIALS - 1):
        answer(page)
    expect(page.locator("#done")).to_be_visible()
    assert len(kept(server)) == LENGTH


def test_an_acknowledgement_that_is_lost_gives_one_answer(
    person: BrowserContext, server: Server
) -> None:
    page = person.new_page()
    lost: list[int] = []

    def lose(route: Route) -> None:
        if not lost:
            lost.append(route.fetch().status)
            route.fulfill(status=503, json={"detail": "as a proxy says"})
        else:
            route.continue_()

    enter(page, server.address)
    for _ in range(PRACTICE):
        answer(page)
    page.route("**/api/answers", lose)
    for _ in range(TRIALS):
        answer(page)
    expect(page.locator("#done")).to_be_visible()
    page.unroute_all()
    assert lost == [200]
    assert [int(v["trial"]) for v in kept(server)] == list(range(1, LENGTH + 1))


def test_a_loss_of_focus_is_recorded(person: BrowserContext, server: Server) -> None:
    page = person.new_page()
    page.add_init_script(
        "new MutationObserver(() => { if (document.querySelector('#stimulus.shown'))"
        " dispatchEvent(new Event('blur')) }).observe(document, { subtree: true,"
        " attributeFilter: ['class'] })"
    )
    enter(page, server.address)
    answer(page)
    expect(page.locator("#progress-text")).to_have_text(f"Practice 2 of {PRACTICE}")
    assert [v["lost_focus"] for v in kept(server)] == ["1"]


PARTS: dict[str, Callable[[Page], None]] = {
    "welcome": lambda page: None,
    "ready": lambda page: page.locator("#agree").click(),
    "question": lambda page: page.locator("#begin").click(),
    "feedback": lambda page: page.locator("#left:enabled").click(),
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(360, 740), (1280, 800)], ids=["phone", "desk"])
def test_every_part_fits_and_can_be_read(
    browser: Browser, server: Server, tmp_path: Path, size: tuple[int, int], scheme: str
) -> None:
    page = browser.new_page(
        viewport={"width": size[0], "height": size[1]},
        color_scheme=scheme,  # type: ignore[arg-type]
        reduced_motion="reduce",
    )
    page.goto(server.address)
    for part, reach in PARTS.items():
        reach(page)
        expect(page.locator(f"#{part} >> visible=true").first).to_be_visible()
        if part == "question":
            expect(page.locator("#left")).to_be_enabled()
        page.screenshot(path=tmp_path / f"{part}.png")
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0], part
        assert page.evaluate(UNNAMED) == [], part
        assert page.evaluate(IDS_TWICE) == [], part
        headings = page.evaluate(HEADINGS)
        assert headings == sorted(headings), part
        assert page.evaluate(CONTRAST) >= 4.5, part
    page.close()


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The checker axe-core, as npm has it (marker ``network``)."""
    folder = tmp_path_factory.mktemp("axe")
    npm = shutil.which("npm")
    assert npm is not None
    subprocess.run([npm, "pack", "axe-core"], cwd=folder, check=True, capture_output=True)
    with tarfile.open(next(folder.glob("axe-core-*.tgz"))) as archive:
        file = archive.extractfile("package/axe.min.js")
        assert file is not None
        return file.read().decode()


@pytest.mark.network
def test_axe_finds_nothing(browser: Browser, server: Server, axe: str) -> None:
    context = browser.new_context(bypass_csp=True)
    page = context.new_page()
    page.goto(server.address)
    for part, reach in PARTS.items():
        reach(page)
        if part == "question":
            expect(page.locator("#left")).to_be_enabled()
        expect(page.locator(f"#{part} >> visible=true").first).to_be_visible()
        assert _violations(page, axe) == [], part
    page.goto(f"{server.address}/admin")
    assert _violations(page, axe) == []
    page.locator("#token").fill(TOKEN)
    page.locator("button").click()
    expect(page.locator("table")).to_be_visible()
    assert _violations(page, axe) == []
    context.close()


def _violations(page: Page, axe: str) -> list[str]:
    page.evaluate(axe)
    found = page.evaluate("axe.run()")
    assert found["passes"]
    return [f"{v['impact']}: {v['id']} {v['nodes'][0]['html']}" for v in found["violations"]]

"""The HTML report as a browser shows it: on a phone, on a desk, in the dark and in print."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

sys.path.insert(0, str(Path(__file__).parent / "helpers"))

from score_files import write_everything

from p2p_eval.report.page import write_report

pytestmark = pytest.mark.browser

PHONES_AND_DESKS = {"narrow": (360, 740), "phone": (390, 844), "desk": (1280, 900)}
LONG = "a-very-long-name-of-an-experiment_" + "x" * 90

# The right ends of what sticks out of the page although no box around it scrolls.
OVERFLOWING = """() => [...document.body.querySelectorAll('*')].filter(e =>
    e.getBoundingClientRect().right > innerWidth + 0.5 && !e.closest('.scroll')
    && !e.closest('.store')).map(e => e.outerHTML.slice(0, 120))"""
UNDECODED = """() => Promise.all([...document.querySelectorAll('image')].map(e =>
    e.decode().then(() => null, () => e.parentNode.id))).then(x => x.filter(Boolean))"""
# The least contrast of text with its ground as WCAG 2 defines it; translucent grounds are blended.
CONTRAST = """(selector) => {
    const parts = c => c.match(/[0-9.]+/g).map(Number);
    const light = c => { const [r, g, b] = c.map(x => { x /= 255;
        return x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4 });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b };
    const ground = e => { if (!e) return [255, 255, 255];
        const [r, g, b, a = 1] = parts(getComputedStyle(e).backgroundColor);
        if (a === 1) return [r, g, b];
        return ground(e.parentElement).map((x, i) => (1 - a) * x + a * [r, g, b][i]) };
    const contrast = e => {
        const ink = parts(getComputedStyle(e).color).slice(0, 3);
        const [a, b] = [ink, ground(e)].map(light).sort((x, y) => y - x);
        return (a + 0.05) / (b + 0.05) };
    return Math.min(21, ...[...document.querySelectorAll(selector)].map(contrast)) }"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of three experiments, one with a name that is far too long."""
    out = tmp_path_factory.mktemp("report") / "out"
    write_everything(out, ("L1", "L1+cGAN", LONG))
    (out / "../results/0/3_output.png").resolve().unlink()
    return write_report(out).path


@pytest.fixture
def show(browser: Browser, report: Path) -> Iterator[object]:
    """Open the report; whatever it says on the console or wants to load is an error."""
    pages: list[Page] = []
    complaints: list[str] = []

    def opened(size: tuple[int, int] = PHONES_AND_DESKS["desk"], **options: object) -> Page:
        page = browser.new_page(viewport={"width": size[0], "height": size[1]}, **options)
        pages.append(page)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: check(request.url))
        page.goto(report.as_uri())
        return page

    def check(address: str) -> None:
        if not address.startswith(("file:", "data:")):
            complaints.append(address)

    yield opened
    for page in pages:
        page.close()
    assert complaints == []


@pytest.mark.parametrize("size", PHONES_AND_DESKS.values(), ids=PHONES_AND_DESKS)
def test_nothing_sticks_out(show: object, size: tuple[int, int]) -> None:
    page = show(size)  # type: ignore[operator]
    page.evaluate("() => document.querySelectorAll('details').forEach(e => { e.open = true })")
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert page.evaluate(OVERFLOWING) == []


def test_every_picture_decodes(show: object) -> None:
    page = show()  # type: ignore[operator]
    assert page.evaluate("document.querySelectorAll('image').length") > 20
    assert page.evaluate(UNDECODED) == []
    shown = page.evaluate(
        "[...document.querySelectorAll('.shot svg')].filter(e => e.checkVisibility())"
        ".map(e => e.getBoundingClientRect()).every(r => r.width > 60 && r.height > 40)"
    )
    assert shown
    assert page.locator(".missing").first.is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(show: object, scheme: str) -> None:
    page = show(color_scheme=scheme)  # type: ignore[operator]
    texts = (
        "h1, p, td, th",
        "small, caption",
        ":not(.bar) > b, sup",
        ".notices *",
        ".why",
        "summary",
        "a",
    )
    for selector in (*texts, *(f".heat .s{shade}" for shade in range(11))):
        assert page.evaluate(CONTRAST, selector) >= 4.5, selector


def test_folded_parts_open_and_links_lead_there(show: object) -> None:
    page = show()  # type: ignore[operator]
    folded = page.locator("details.gallery:not([open])").first
    pictures = folded.locator(".shot").first
    assert not pictures.is_visible()
    folded.locator("summary").click()
    assert page.locator("details.gallery[open] .shot").nth(9).is_visible()
    page.locator("nav").get_by_text("Colour histograms").click()
    assert page.evaluate("document.querySelector('#color').getBoundingClientRect().top") < 20


def test_print_is_black_on_white_with_all_parts_open(show: object, tmp_path: Path) -> None:
    page = show((688, 1000), color_scheme="dark")  # type: ignore[operator]
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("document.documentElement.scrollWidth") <= 688
    heights = "[...document.querySelectorAll('.gallery .card')].map(e => e.clientHeight)"
    assert min(page.evaluate(heights)) > 50
    assert not page.locator("nav").is_visible()
    pdf = page.pdf(path=tmp_path / "report.pdf", format="A4")
    assert pdf.startswith(b"%PDF")

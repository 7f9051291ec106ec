"""The page of a comparison in a real headless browser: it fits, follows day and night, prints, and is left in peace."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from regrowth.cli import main
from support.people import write_people

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--hide-scrollbars",
    "--enable-logging=stderr",
)
MEASURE = """<script>document.title = JSON.stringify({
  wide: document.documentElement.scrollWidth, room: innerWidth,
  beyond: [...document.querySelectorAll('main *')].filter(one => !one.closest('.scroll') && !one.closest('svg')
    && one.getBoundingClientRect().right > innerWidth + 1).map(one => one.outerHTML.slice(0, 90)),
  ink: getComputedStyle(document.body).color, page: getComputedStyle(document.body).backgroundColor })</script>"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the page of a comparison with a copy: every kind of block, and a verdict with many reasons."""
    folder = tmp_path_factory.mktemp("page")
    real, unseen = write_people(folder / "real.csv", 1), write_people(folder / "unseen.csv", 3)
    more = ("--holdout", str(unseen), "--target", "job", "--out", str(folder / "report"))
    assert main(["compare", str(real), str(real), *more]) == 0
    return folder / "report" / "report.html"


class Browser:
    """Open pages in a headless browser."""

    def __init__(self, program: str, scratch: Path) -> None:
        self.program = program
        self.scratch = scratch

    def run(self, page: Path, *flags: str) -> subprocess.CompletedProcess[str]:
        profile = f"--user-data-dir={self.scratch / 'profile'}"
        return subprocess.run(
            [self.program, *FLAGS, profile, *flags, page.as_uri()],
            capture_output=True, text=True, timeout=120, check=True,
        )  # fmt: skip

    def measured(self, page: Path, width: int, *flags: str) -> dict[str, object]:
        """Return how wide a page is, on a copy that may run the script that measures it."""
        html = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.read_text("utf-8"))
        html = re.sub(r"<details( open)?", "<details open", html)  # what is folded must fit, too
        copy = self.scratch / "copy.html"
        # A window is never narrower than 500 pixels; a frame is as narrow as it is told to be.
        copy.write_text(html.replace("</body>", f"{MEASURE}</body>"), "utf-8")
        if width < 500:
            framed = self.scratch / "framed.html"
            source = copy.read_text("utf-8").replace("&", "&amp;").replace('"', "&quot;")
            framed.write_text(
                f'<iframe id="f" style="border:0;width:{width}px;height:900px" srcdoc="{source}"></iframe>'
                "<script>f.onload = () => { document.title = f.contentDocument.title }</script>",
                "utf-8",
            )
            copy = framed
        dom = self.run(copy, f"--window-size={max(width, 500)},900", "--dump-dom", *flags).stdout
        found = re.search(r"<title>(\{.*?\})</title>", dom, re.DOTALL)
        assert found, dom[:500]
        return dict(json.loads(found[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")))


@pytest.fixture
def browser(tmp_path: Path) -> Browser:
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.skip(f"no browser to look with: none of {', '.join(BROWSERS)} is installed")
    return Browser(program, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_the_page_fits_every_width(browser: Browser, page: Path, width: int) -> None:
    found = browser.measured(page, width)
    assert found["room"] == width
    assert found["beyond"] == []
    assert found["wide"] == width


@pytest.mark.slow
def test_what_does_not_fit_is_seen(browser: Browser, page: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.html"
    wide = '<p style="width:700px">too wide</p><script>1</script></main>'
    broken.write_text(page.read_text("utf-8").replace("</main>", wide), "utf-8")
    assert browser.measured(broken, 390)["beyond"] == ['<p style="width:700px">too wide</p>']
    assert "Content Security Policy" in browser.run(broken, "--dump-dom").stderr, "the policy forbids the script"


@pytest.mark.slow
def test_the_page_follows_day_and_night(browser: Browser, page: Path) -> None:
    day = browser.measured(page, 800, "--blink-settings=preferredColorScheme=1")
    night = browser.measured(page, 800, "--blink-settings=preferredColorScheme=0")
    assert (day["ink"], day["page"]) == ("rgb(27, 33, 30)", "rgb(252, 251, 248)")
    assert (night["ink"], night["page"]) == ("rgb(233, 236, 232)", "rgb(18, 22, 20)")


@pytest.mark.slow
def test_the_browser_has_nothing_to_complain_about(browser: Browser, page: Path, tmp_path: Path) -> None:
    shot = tmp_path / "shot.png"
    done = browser.run(page, f"--screenshot={shot}", "--window-size=900,1400")
    assert "CONSOLE" not in done.stderr, done.stderr
    assert shot.stat().st_size > 30_000, "an empty page makes a small picture"


@pytest.mark.slow
def test_hostile_names_do_nothing_in_a_browser(browser: Browser, page: Path) -> None:
    dom = browser.run(page, "--dump-dom").stdout
    assert "&lt;b&gt;smith&lt;/b&gt;" in dom
    assert "<b>" not in dom


@pytest.mark.slow
def test_printed_the_explanations_are_there_and_the_long_tables_are_not(
    browser: Browser, page: Path, tmp_path: Path
) -> None:
    pypdf = pytest.importorskip("pypdf")
    paper = tmp_path / "page.pdf"
    browser.run(page, f"--print-to-pdf={paper}", "--no-pdf-header-footer")
    pages = pypdf.PdfReader(paper).pages
    text = " ".join(" ".join(one.extract_text() for one in pages).split())
    assert "Of the synthetic records, the share that lies nearer" in text, "folded on the screen"
    assert "Skip to the report" not in text
    assert len(pages) <= 16

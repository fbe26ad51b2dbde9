"""Build the site and check all of it in a browser: one command, one line a check, exit status 1 if one fails.

    python docs/check.py                     build and check
    python docs/check.py --shots DIR         and take pictures of a few pages to look at

It opens every page in Chromium and looks for requests to another host, errors on the console, pictures that are broken
or have no text, formulas left raw, headings out of order, faults that axe knows, links that lead nowhere; it searches,
and times every page on a processor slowed down four times.
"""

import argparse
import contextlib
import functools
import http.server
import re
import shutil
import sys
import tempfile
import threading
import time
import urllib.parse
from html.parser import HTMLParser
from pathlib import Path

import build
from axe_playwright_python.base import AXE_SCRIPT as AXE_SOURCE

MAX_SECONDS, MAX_MEGABYTES, MAX_PAINT = 180, 60, 2500  # to build; the whole site; ms until the largest content is there
PATIENCE = 180_000  # ms that a page has for one answer, on a slow machine too; a page that hangs is named after them
SEARCHES = {"stochastic depth": "04_", "key_dim": "03_", "why does my loss not fall": "15_", "why not a ResNet": "16_"}
BROWSERS = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge"]
BROWSERS += ["/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"]
BROWSERS += ["C:/Program Files/Google/Chrome/Application/chrome.exe"]
CHROMIUM = next(filter(None, map(shutil.which, BROWSERS)), None)

EXPORTED = ["00", "05", "08"]
FACTS = """async () => {
    for (const image of document.images) image.loading = 'eager';
    await Promise.all([...document.images].map((image) => image.decode().catch(() => {})));
    const seen = [...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].filter((each) => each.offsetParent);
    const prose = document.querySelector('.bd-article, main').cloneNode(true);
    for (const part of prose.querySelectorAll('pre, code, script, iframe')) part.remove();
    return {
        broken: [...document.images].filter((image) => !image.naturalWidth).map((image) => image.src),
        speechless: [...document.images].filter((image) => !image.alt.trim()).map((image) => image.src),
        headings: seen.map((heading) => Number(heading.tagName[1])),
        raw: prose.textContent.match(/\\$\\$|\\\\(frac|sqrt|sum|mathrm|left|text)\\b|\\\\\\(/g) || [],
        language: document.documentElement.lang,
    };
}"""
AXE = """async () => {
    const seen = new Set();  // code has thousands of words in a few colours: one word of each is enough
    for (const word of document.querySelectorAll('.highlight pre span')) {
        if (seen.has(word.className)) word.replaceWith(...word.childNodes);
        seen.add(word.className);
    }
    const found = await axe.run({ iframes: false, resultTypes: ['violations'] });  // frames have tests of their own
    return found.violations.map((each) =>
        `${each.id}: ${each.nodes.length}, ${each.nodes[0].html.split(/\\s+/).join(' ').slice(0, 150)}`);
}"""
FOUND = "() => /^Search finished|did not match/.test(document.querySelector('.search-summary')?.textContent)"
PAINT = """() => new Promise((done) => new PerformanceObserver((list) => done(list.getEntries().at(-1).startTime))
    .observe({ type: 'largest-contentful-paint', buffered: true }))"""


class Links(HTMLParser):
    """The addresses and the anchors of one page."""

    def __init__(self, text):
        super().__init__()
        self.targets, self.anchors = [], {"", "top"}
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.anchors |= {attributes.get("id"), attributes.get("name")} - {None}
        wanted = {"a": "href", "link": "href", "img": "src", "script": "src", "iframe": "src"}.get(tag)
        if attributes.get(wanted) is not None and attributes.get("rel") != "canonical":
            self.targets.append(attributes[wanted])


def pages(site):
    """The pages of the site, without what Sphinx makes beside them."""
    return sorted(path for path in site.glob("*.html") if path.name not in ("genindex.html", "search.html"))


def dead_links(site):
    """Addresses on pages of the site that lead to no file or no anchor of it, as 'page -> address'."""
    read = {path.name: Links(path.read_text(encoding="utf-8")) for path in site.glob("*.html")}
    dead = []
    for name, links in read.items():
        for target in links.targets:
            if re.match(r"[a-z]+:", target):
                continue
            place, _, anchor = target.partition("#")
            place = urllib.parse.unquote(place.partition("?")[0]) or name
            known = read[place].anchors if place in read else {anchor}
            if not (site / place).is_file() or urllib.parse.unquote(anchor) not in known:
                dead.append(f"{name} -> {target}")
    return dead


def unreachable(site):
    """Pages that no chain of links from the start leads to."""
    reached, waiting = set(), ["index.html"]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            targets = [target.partition("#")[0] for target in Links((site / name).read_text(encoding="utf-8")).targets]
            waiting += [target for target in targets if target.endswith(".html") and "/" not in target]
    return [path.name for path in pages(site) if path.name not in reached]


@contextlib.contextmanager
def served(site):
    """The address of a server for the folder."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@contextlib.contextmanager
def opened(browser, address, **options):
    """A page in a context of its own, and the list of what went wrong there: other hosts, errors, missing files."""
    faults = []
    with browser.new_context(**options) as context:
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.on(
            "request",
            lambda request: (
                not request.url.startswith((address, "data:", "about:", "blob:"))
                and faults.append(f"asks another host: {request.url}")
            ),
        )
        page.on("response", lambda answer: answer.status >= 400 and faults.append(f"{answer.status}: {answer.url}"))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda message: message.type == "error" and faults.append(message.text))
        yield page, faults


def ask(page, question, patience=PATIENCE):
    """The answer of a page to a function in JavaScript, which may be waited for.

    Raises:
        playwright.sync_api.TimeoutError: if none comes in `patience` milliseconds; page.evaluate waits for ever.
    """
    return page.wait_for_function(f"async () => [await ({question})()]", timeout=patience).json_value()[0]


def faults_of(page, address, name, faults):
    """Open one page of the site; returns what is wrong with it, in words."""
    page.goto(f"{address}/{name}")
    facts = ask(page, FACTS)
    found = [f"broken picture: {url}" for url in facts["broken"]]
    found += [f"picture without a text: {url}" for url in facts["speechless"]]
    found += [f"raw formula: {text}" for text in facts["raw"]]
    levels = [0, *facts["headings"]]
    if levels[1:].count(1) != 1 or any(after > before + 1 for before, after in zip(levels, levels[1:], strict=False)):
        found.append(f"headings out of order: {levels[1:]}")
    if not facts["language"]:
        found.append("no language is set")
    return found + faults


def axe_faults(page):
    """What axe finds on an open page, as 'rule: how many, the first of them'."""
    page.evaluate(AXE_SOURCE)
    return ask(page, AXE)


def faults_of_exports(browser):
    """What is wrong with a few notebooks that docs/export.py made, as 'page: fault'."""
    import export

    wrong = []
    with tempfile.TemporaryDirectory() as folder, served(folder) as address:
        (Path(folder) / "favicon.ico").touch()  # a browser asks for it
        for path in build.notebooks():
            if path.name[:2] in EXPORTED:
                (Path(folder) / "page.html").write_text(export.page_of(path), encoding="utf-8")
                with opened(browser, address) as (page, faults):
                    found = faults_of(page, address, "page.html", faults) + axe_faults(page)
                wrong += [f"{path.name}: {fault}" for fault in found]
    return wrong


def searches(site):
    """{words: beginning of the page that a search should name first}, for the notebooks that the site has."""
    there = {path.name[:3] for path in pages(site)}
    return {words: start for words, start in SEARCHES.items() if start in there}


def first_result(page, address, words):
    """The page that a search names first, once the search has ended."""
    page.goto(f"{address}/search.html?q={urllib.parse.quote_plus(words)}")
    page.wait_for_function(FOUND)
    links = page.locator("#search-results ul.search li a")
    return links.first.get_attribute("href") if links.count() else "nothing"


def largest_paint(browser, address, name, tries=3):
    """Milliseconds until the largest content of a page is there, on a processor slowed down four times.

    The shortest of up to `tries`, as the machine may be busy with something else; one is enough if it is in time.
    """
    shortest = float("inf")
    while tries and shortest > MAX_PAINT:
        with opened(browser, address, viewport={"width": 1280, "height": 800}) as (page, _):
            page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": 4})
            page.goto(f"{address}/{name}")
            shortest, tries = min(shortest, ask(page, PAINT)), tries - 1
    return shortest


def take_pictures(browser, address, folder, core):
    """Pictures to look at: pages, search results, a meaning, a solution, and pages in the dark, narrow and on paper."""
    folder.mkdir(parents=True, exist_ok=True)

    def shoot(page, name):
        page.wait_for_timeout(1000)  # frames fill
        page.screenshot(path=folder / f"{name}.png")

    with opened(browser, address, viewport={"width": 1280, "height": 900}) as (page, _):
        for name in ("index.html", core, "glossary.html", "teachers.html", "about.html"):
            page.goto(f"{address}/{name}")
            shoot(page, name.removesuffix(".html"))
        first_result(page, address, "stochastic depth")
        shoot(page, "search")
        page.goto(f"{address}/{core}")
        page.locator("a.term").first.hover()
        shoot(page, "hover")
        page.locator("details.sd-dropdown summary").first.click()
        shoot(page, "solution")
        page.emulate_media(media="print")
        page.evaluate("window.scrollTo(0, 0)")
        shoot(page, "print")
    for way, options in {
        "dark": {"color_scheme": "dark", "viewport": {"width": 1280, "height": 900}},
        "narrow": {"viewport": {"width": 360, "height": 780}},
    }.items():
        with opened(browser, address, **options) as (page, _):
            for name in ("index.html", core):
                for place in (0, 1500):
                    page.goto(f"{address}/{name}")
                    page.evaluate(f"window.scrollTo(0, {place})")
                    shoot(page, f"{way}_{name.removesuffix('.html')}_{place}")


def report(what, wrong, detail=""):
    """Print one line for a check, and what is wrong below it; returns whether all is well."""
    print(f"{'ok   ' if not wrong else 'WRONG'} {what}{': ' + detail if detail else ''}")
    for line in wrong:
        print(f"        {line}")
    return not wrong


def main():
    """Build, check, print; returns the exit status."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=build.DOCS / "_build" / "html", help="the folder of the site")
    parser.add_argument("--shots", type=Path, help="a folder for pictures to look at")
    options = parser.parse_args()
    site, start = options.output.resolve(), time.perf_counter()
    warnings = build.build(site).splitlines()
    seconds = time.perf_counter() - start
    size = sum(path.stat().st_size for path in site.rglob("*") if path.is_file()) / 1e6
    well = [
        report("Sphinx has no warning", warnings),
        report("built in time", [] if seconds <= MAX_SECONDS else ["too slow"], f"{seconds:.0f} s"),
        report("size", [] if size <= MAX_MEGABYTES else ["too large"], f"{size:.1f} MB"),
        report("dead links", dead_links(site)),
        report("pages without a way to them", unreachable(site)),
    ]
    with sync_playwright() as playwright, served(site) as address:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        wrong, violations = [], []
        for name in [path.name for path in pages(site)] + ["search.html", "genindex.html"]:
            with opened(browser, address) as (page, faults):
                wrong += [f"{name}: {fault}" for fault in faults_of(page, address, name, faults)]
                violations += [f"{name}: {fault}" for fault in axe_faults(page)]
        for name in ("index.html", "glossary.html", pages(site)[3].name):
            with opened(browser, address, color_scheme="dark") as (page, _):
                page.goto(f"{address}/{name}")
                violations += [f"{name}, dark: {fault}" for fault in axe_faults(page)]
        well.append(report("pages: requests to other hosts, errors, pictures, formulas, headings", wrong))
        well.append(report("axe, light and dark", violations))
        well.append(report("notebooks as one file", faults_of_exports(browser), " ".join(EXPORTED)))
        with opened(browser, address) as (page, _):
            wanted = searches(site)
            found = {words: first_result(page, address, words) for words in wanted}
            wrong = [f"{words}: {found[words]}" for words in wanted if not found[words].startswith(wanted[words])]
        well.append(report("search", wrong, ", ".join(f"'{words}' -> {place}" for words, place in found.items())))
        paints = {path.name: largest_paint(browser, address, path.name) for path in pages(site)}
        slow = [f"{name}: {paint:.0f} ms" for name, paint in paints.items() if paint > MAX_PAINT]
        times = f"start {paints['index.html']:.0f} ms, others up to {max(paints.values()):.0f} ms"
        well.append(report("largest content is there", slow, times))
        if options.shots:
            take_pictures(browser, address, options.shots, pages(site)[3].name)
        browser.close()
    return 0 if all(well) else 1


if __name__ == "__main__":
    sys.exit(main())

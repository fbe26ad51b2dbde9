"""The site: built once from the committed notebooks, then every page opened in Chromium.

It needs docs/requirements.txt. Where Sphinx is not installed the tests are skipped and say so: no leg of other versions
has to install it, and `.ci/run` installs it and runs them. With --whole axe looks at every page.
"""

import importlib
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tests.support.browser import expect, launched

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
TERM = re.compile(r"^- \*\*(.+?)\*\*(?: \(also .+?\))?: .+$")


@pytest.fixture(scope="module")
def check():
    """docs/check.py, which knows how to look at a site."""
    missing = [name for name in ("sphinx", "myst_nb", "sphinx_book_theme") if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed: pip install -r docs/requirements.txt")
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        yield importlib.import_module("check")
    finally:
        sys.path.remove(str(ROOT / "docs"))


@pytest.fixture(scope="module")
def site(check, tmp_path_factory):
    """The folder of the site. Sphinx had no warning."""
    output = tmp_path_factory.mktemp("site") / "html"
    command = [sys.executable, str(ROOT / "docs" / "build.py"), f"--output={output}"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert (answer.returncode, answer.stderr) == (0, ""), answer.stderr[-3000:]
    return output


@pytest.fixture
def slides(check):
    """docs/slides.py."""
    return importlib.import_module("slides")


@pytest.fixture(scope="module")
def browser():
    with launched() as browser:
        yield browser


def test_every_notebook_has_a_page_and_a_way_to_it(check, site):
    assert {path.stem for path in NOTEBOOKS} <= {path.stem for path in check.pages(site)}
    assert check.unreachable(site) == []
    assert check.dead_links(site) == []


def test_a_dead_link_and_a_lonely_page_are_found(check, tmp_path):
    (tmp_path / "index.html").write_text('<a href="gone.html">x</a> <a href="b.html#there">x</a> <a href="#top">x</a>')
    (tmp_path / "b.html").write_text('<p id="here">x</p>')
    (tmp_path / "c.html").write_text("alone")
    assert check.dead_links(tmp_path) == ["index.html -> gone.html", "index.html -> b.html#there"]
    (tmp_path / "index.html").write_text('<a href="b.html#here">x</a>')
    assert check.dead_links(tmp_path) == [] and check.unreachable(tmp_path) == ["c.html"]


def test_every_solution_folds_behind_its_exercise(site):
    for path in NOTEBOOKS:
        worked = nbformat.read(path.parent / "solutions" / path.name, as_version=4)
        solutions = sum("solution" in cell.metadata.get("tags", []) for cell in worked.cells)
        page = (site / f"{path.stem}.html").read_text(encoding="utf-8")
        assert page.count('<details class="sd-sphinx-override sd-dropdown') == solutions > 0, path.name


def test_no_link_leads_to_the_address_that_stands_for_one(site):
    for path in site.glob("*.html"):
        assert not re.search(r'(?:href|src)="[^"]*OWNER/REPOSITORY', path.read_text(encoding="utf-8")), path.name


def test_every_page_in_a_browser(check, site, browser):
    """No request to another host, no error, no broken or speechless picture, no raw formula, headings in order."""
    wrong = []
    with check.served(site) as address, check.opened(browser, address) as (page, faults):
        for path in check.pages(site):
            wrong += [f"{path.name}: {fault}" for fault in check.faults_of(page, address, path.name, [])]
    assert wrong + faults == []


def test_a_page_with_faults_is_found_out(check, browser, tmp_path):
    text = '<html><body><main><h1>a</h1><h3>b</h3><p>$$x$$</p><img src="no.png"></main></body></html>'
    (tmp_path / "bad.html").write_text(text)
    with check.served(tmp_path) as address, check.opened(browser, address) as (page, faults):
        found = "\n".join(check.faults_of(page, address, "bad.html", faults))
    for what in (
        "broken picture",
        "without a text",
        "raw formula",
        "headings out of order: [1, 3]",
        "no language",
        "404",
    ):
        assert what in found


def test_search_names_the_right_page_first(check, site, browser):
    with check.served(site) as address, check.opened(browser, address) as (page, _):
        for words, start in check.SEARCHES.items():
            assert check.first_result(page, address, words).startswith(start)


def test_the_meaning_of_a_term_comes_with_the_keyboard_and_goes_with_escape(check, site, browser):
    with check.served(site) as address, check.opened(browser, address) as (page, _):
        page.goto(f"{address}/{NOTEBOOKS[3].stem}.html")
        term, meaning = page.locator("a.term").first, page.locator("#meaning")
        expect(meaning).to_be_hidden()
        term.focus()
        expect(meaning).to_be_visible()
        assert term.get_attribute("aria-describedby") == "meaning" and len(meaning.inner_text()) > 20
        page.keyboard.press("Escape")
        expect(meaning).to_be_hidden()
        term.press("Enter")
        page.wait_for_url("**/glossary.html#term-*")


def test_slides_ask_no_other_host_and_keep_their_texts(check, slides, browser, monkeypatch, tmp_path):
    path = NOTEBOOKS[3]
    monkeypatch.setattr(slides, "OUTPUT", tmp_path)
    monkeypatch.setattr(sys, "argv", ["slides.py", path.name[:2]])
    assert slides.main() == 0
    (tmp_path / "favicon.ico").touch()
    with check.served(tmp_path) as address, check.opened(browser, address) as (page, faults):
        page.goto(f"{address}/{path.name.replace('ipynb', 'html')}")
        expect(page.locator(".reveal.ready")).to_have_count(1)
        assert page.evaluate("Reveal.getTotalSlides()") > 10
        assert page.evaluate("[...document.images].filter((image) => !image.alt).length") == 0
    assert faults == []


def test_formulas_become_mathml_and_code_and_prices_stay(slides):
    made = slides.with_mathml(r"half is $\frac{1}{2}$, `$x$` is code, and it costs $5 or $7.")
    assert "<mfrac>" in made and "`$x$` is code, and it costs $5 or $7." in made


def test_the_glossary_has_a_meaning_a_line_and_links_to_notebooks():
    path = ROOT / "notebooks" / "glossary.md"
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("- ")]
    names = [TERM.fullmatch(line)[1].lower() for line in lines]
    assert len(names) == len(set(names)) >= 60
    for target in re.findall(r"\]\(([^)]+)\)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).is_file(), target


def test_axe_finds_nothing(request, check, site, browser):
    """The start, the glossary and the page for teachers; with --whole every page."""
    every = request.config.getoption("--whole", default=False)
    names = [path.name for path in check.pages(site)] if every else ["index.html", "glossary.html", "teachers.html"]
    wrong = []
    with check.served(site) as address, check.opened(browser, address) as (page, _):
        for name in names:
            page.goto(f"{address}/{name}")
            wrong += [f"{name}: {fault}" for fault in check.axe_faults(page)]
    assert wrong == []

"""The site: built once from the committed notebooks, then every page opened in Chromium.

It needs docs/requirements.txt. Where Sphinx is not installed the tests are skipped and say so: no job with other
versions has to install it, and `.ci/run` installs it and runs them. How fast a page is, no test here asks:
docs/check.py does.
"""

import importlib
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import lint
import nbformat
import pytest

from tests.support.browser import expect, launched

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
PAGES = ["index", *[path.stem for path in NOTEBOOKS], "glossary", "teachers", "about", "search", "genindex"]
TERM = re.compile(r"^- \*\*(.+?)\*\*(?: \(also .+?\))?: .+$")


CLICKABLE = """() => {
    const all = document.querySelectorAll('a[href], button, summary, input, select, textarea, iframe, [tabindex="0"]');
    for (const each of all) if (each.checkVisibility({ visibilityProperty: true })) each.classList.add('awaits');
    return document.querySelectorAll('.awaits').length;
}"""
REACHED = """() => {
    document.activeElement.classList.remove('awaits');
    return document.querySelectorAll('.awaits').length;
}"""


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
    answer = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert (answer.returncode, answer.stderr) == (0, ""), answer.stderr[-3000:]
    return output


@pytest.fixture
def docs(check):
    """A function that imports a module of docs/ by its name."""
    return importlib.import_module


@pytest.fixture(scope="module")
def browser():
    with launched() as browser:
        yield browser


@pytest.fixture(scope="module")
def address(check, site):
    """Where the site is served."""
    with check.served(site) as address:
        yield address


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


@pytest.mark.parametrize("name", PAGES)
def test_page_in_a_browser(check, address, browser, name):
    """No other host, no error, no broken or speechless picture, no raw formula, headings in order, nothing for axe."""
    with check.opened(browser, address) as (page, faults):
        assert check.faults_of(page, address, f"{name}.html", faults) + check.axe_faults(page) == []


def test_no_page_is_left_out(check, site):
    assert {f"{name}.html" for name in PAGES} == {path.name for path in site.glob("*.html")}


@pytest.mark.parametrize("name", ["index", NOTEBOOKS[3].stem, NOTEBOOKS[6].stem, "glossary", "teachers"])
def test_page_in_the_dark_on_a_narrow_screen(check, address, browser, name):
    """axe finds nothing, and the page does not scroll sideways."""
    with check.opened(browser, address, color_scheme="dark", viewport={"width": 360, "height": 780}) as (page, _):
        page.goto(f"{address}/{name}.html")
        assert page.evaluate("document.documentElement.dataset.theme") == "dark"
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert check.axe_faults(page) == []


def test_a_page_with_faults_is_found_out(check, browser, tmp_path):
    text = '<html><body><main><h1>a</h1><h3>b</h3><p>$$x$$</p><img src="no.png"></main></body></html>'
    (tmp_path / "bad.html").write_text(text)
    with check.served(tmp_path) as address, check.opened(browser, address) as (page, faults):
        found = "\n".join(check.faults_of(page, address, "bad.html", faults))
        page.set_content("<html lang='en'><title>t</title><main><h1>a</h1><button></button></main></html>")
        assert [fault.split(":")[0] for fault in check.axe_faults(page)] == ["button-name"]
    for what in (
        "broken picture",
        "without a text",
        "raw formula",
        "headings out of order: [1, 3]",
        "no language",
        "404",
    ):
        assert what in found


def test_a_page_that_hangs_is_given_up(check, browser):
    with browser.new_context() as context, pytest.raises(Exception, match="Timeout 500ms exceeded"):
        check.ask(context.new_page(), "() => new Promise(() => {})", patience=500)


def test_search_names_the_right_page_first(check, site, address, browser):
    wanted = check.searches(site)
    assert len(wanted) >= 2
    with check.opened(browser, address) as (page, _):
        for words, start in wanted.items():
            assert check.first_result(page, address, words).startswith(start)
        assert check.first_result(page, address, "xylophone") == "nothing"


def test_the_keyboard_alone_reaches_everything(check, address, browser):
    """What can be clicked is reached by the Tab key, and nothing holds the focus."""
    with check.opened(browser, address) as (page, _):
        page.goto(f"{address}/about.html")
        left = page.evaluate(CLICKABLE)
        assert left > 30
        for _ in range(2 * left):
            page.keyboard.press("Tab")
            if not page.evaluate(REACHED):
                break
        assert (
            page.evaluate("[...document.querySelectorAll('.awaits')].map((each) => each.outerHTML.slice(0, 100))") == []
        )


def test_who_wants_no_motion_gets_none(check, address, browser):
    moving = """() => [...document.querySelectorAll('body *')].filter((each) =>
        getComputedStyle(each).transitionDuration.split(', ').some((time) => time !== '0s')).length"""
    for motion, expected in {"no-preference": True, "reduce": False}.items():
        with check.opened(browser, address, reduced_motion=motion) as (page, _):
            page.goto(f"{address}/index.html")
            assert (page.evaluate(moving) > 0) is expected


def test_the_meaning_of_a_term_comes_with_the_keyboard_and_goes_with_escape(check, address, browser):
    with check.opened(browser, address) as (page, _):
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


def test_slides_ask_no_other_host_and_keep_their_texts(check, docs, browser, monkeypatch, tmp_path):
    slides, path = docs("slides"), NOTEBOOKS[3]
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


def test_slides_show_each_trap_with_its_own_code(docs):
    """After its box, though the box may follow its cell; a box never lends its name to the next section's cell."""
    markdown, tagged = nbformat.v4.new_markdown_cell, {"metadata": {"tags": ["trap"]}}
    cells = [
        markdown("# 0. Title"),
        nbformat.v4.new_code_cell("first = 1", **tagged),
        markdown("The answer.\n\n> **Trap: box\n> last.** It follows.\n\n## Next\n\nMore."),
        nbformat.v4.new_code_cell("between = 0"),
        nbformat.v4.new_code_cell("second = 2", **tagged),
        markdown("> **Trap: no `**kwargs`.** So does this one."),
        markdown("## Third\n\n> **Trap: box first.** This one leads."),
        nbformat.v4.new_code_cell("third = 3", **tagged),
    ]
    slides = [cell.source for cell in docs("slides").slides_of(nbformat.v4.new_notebook(cells=cells))]
    assert slides == [
        "# 0. Title",
        "> **Trap: box\n> last.** It follows.",
        "**Trap: box last.**\n\n```python\nfirst = 1\n```",
        "## Next\n\nMore.",
        "> **Trap: no `**kwargs`.** So does this one.",
        "**Trap: no `**kwargs`.**\n\n```python\nsecond = 2\n```",
        "## Third\n\n> **Trap: box first.** This one leads.",
        "**Trap: box first.**\n\n```python\nthird = 3\n```",
    ]


@pytest.mark.parametrize("path", NOTEBOOKS[:9], ids=lambda path: path.stem)
def test_slides_of_the_recap_leave_out_what_is_only_to_be_read(docs, path):
    """What paper and example do otherwise, in whatever words it begins, and what follows: links, the next notebook."""
    slides = [cell.source for cell in docs("slides").slides_of(nbformat.read(path, as_version=4))]
    (recap,) = [text for text in slides if text.startswith("## Recap")]
    assert recap.count("\n- ") > 2
    assert not re.search(r"\bdifferences? from|^(- )?(Links|Next):", recap, re.IGNORECASE | re.MULTILINE)


@pytest.mark.parametrize("path", [NOTEBOOKS[0], NOTEBOOKS[5], NOTEBOOKS[8]], ids=lambda path: path.stem)
def test_a_notebook_as_one_file_reads_without_a_network(check, docs, browser, monkeypatch, tmp_path, path):
    """Its pictures have their texts, its formulas are MathML, and axe finds nothing."""
    export = docs("export")
    monkeypatch.setattr(sys, "argv", ["export.py", path.name[:2], f"--output={tmp_path}"])
    assert export.main() == 0
    (tmp_path / "favicon.ico").touch()
    cells = nbformat.read(path, as_version=4).cells
    shown = sum(
        "<img alt=" in out.get("data", {}).get("text/html", "") for cell in cells for out in cell.get("outputs", [])
    )
    formulas = sum(cell.source.count("$$") // 2 for cell in cells if cell.cell_type == "markdown")
    with check.served(tmp_path) as address, check.opened(browser, address) as (page, faults):
        assert check.faults_of(page, address, f"{path.stem}.html", faults) + check.axe_faults(page) == []
        assert page.locator("main img").count() >= shown > 0
        assert page.locator("math[display=block]").count() == formulas > 0


def test_formulas_become_mathml_and_code_and_prices_stay(docs):
    made = docs("formulas").with_mathml(r"half is $\frac{1}{2}$, `$x$` is code, and it costs $5 or $7.")
    assert "<mfrac>" in made and "`$x$` is code, and it costs $5 or $7." in made


def test_minutes_at_the_top_are_true(docs):
    """Within 15 % of what the rule gives that the page for teachers names."""
    build, reading = docs("build"), docs("reading")
    for path in NOTEBOOKS:
        named = build.Site(Path("unused")).minutes_named(path.name[:2])
        assert named == pytest.approx(sum(reading.sections(path).values()), rel=0.15), path.name
        assert len(lint.exercises(nbformat.read(path, as_version=4))) == len(reading.exercise_times(path)), path.name


def test_minutes_of_the_way_through_are_true(docs):
    """Within 15 % or 5 minutes; every notebook after 00 says them, and where its second reading begins."""
    reading = docs("reading")
    for path in NOTEBOOKS[1:]:
        stretches = reading.way_through(path)
        assert stretches and lint.SECOND_READING in reading.sections(path), path.name
        for first, last, said in stretches:
            minutes = reading.minutes_from(path, first, last)
            assert said == pytest.approx(minutes, rel=0.15, abs=5), f"{path.name}: {first} to {last}, {minutes:.0f}"


def test_minutes_of_a_part(docs, tmp_path):
    reading, new = docs("reading"), nbformat.v4
    cells = [
        new.new_markdown_cell("# 1. T\n\n" + "word " * 198 + "\n\n## A\n\n**Predict:** " + "word " * 98),
        new.new_code_cell("\n".join(["x = 1"] * 8)),
        new.new_markdown_cell("### Exercise: E\n\n*Warm-up, 5 minutes.* Do."),
        new.new_code_cell("x = 1\n" * 99, metadata={"tags": ["exercise"]}),
        new.new_markdown_cell("### Exercise: F\n\n*20 minutes.* Do."),
    ]
    nbformat.write(new.new_notebook(cells=cells), tmp_path / "n.ipynb")
    path = tmp_path / "n.ipynb"
    assert reading.minutes_from(path, "A", "A") == pytest.approx(1 + 0.5 + 2, abs=0.02)
    assert reading.minutes_from(path, "1. T", "A") == pytest.approx(1 + 3.5, abs=0.03)
    assert reading.exercise_times(path) == [5, 20]
    with pytest.raises(ValueError, match="no section 'B'. It has: 1. T; A; Exercise: E"):
        reading.minutes_from(path, "A", "B")
    with pytest.raises(ValueError, match="'1. T' before 'A'"):
        reading.minutes_from(path, "A", "1. T")


def test_routes_fit_their_hours(docs):
    """Of two hours at most 105 minutes are planned, of a day at most 300."""
    text = (ROOT / "docs" / "teachers.md").read_text(encoding="utf-8")
    filled = docs("build").Site(Path("unused")).with_parts(text)
    sums = [int(minutes) for minutes in re.findall(r"^Together that is (\d+) minutes", filled, re.MULTILINE)]
    assert len(sums) == 2 and 80 <= sums[0] <= 105 and 240 <= sums[1] <= 300


def test_every_trap_has_its_misconception_and_a_question_for_the_room():
    text = (ROOT / "docs" / "teachers.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[(\d\d)\]\(\1\) (.+?) \| (.+?) \| (.+?) \|$", text, re.MULTILINE)
    assert all("?" in question for *_, question in rows)
    boxes = {path.name[:2]: lint.traps(nbformat.read(path, as_version=4)) for path in NOTEBOOKS}
    traps = {(number, title) for number, found in boxes.items() for _, title, _ in found}
    here = {(number, title) for number, title, *_ in rows if number in boxes}
    assert traps - here == set(), "docs/teachers.md has no row for these traps"
    assert here - traps == set(), "docs/teachers.md has a row for traps that are gone"


def test_the_glossary_has_a_meaning_a_line_and_links_to_notebooks():
    path = ROOT / "notebooks" / "glossary.md"
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("- ")]
    names = [TERM.fullmatch(line)[1].lower() for line in lines]
    assert len(names) == len(set(names)) >= 60
    for target in re.findall(r"\]\(([^)]+)\)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).is_file(), target

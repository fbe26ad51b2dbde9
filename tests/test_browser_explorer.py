"""The attention explorer as a reader uses it: real Chromium, a file on disk, no network and no kernel.

What it needs: tests/support/browser.py.
"""

import re
import subprocess
import sys

import matplotlib
import nbformat
import numpy as np
import pytest

from cct_helpers.explorer import explorer_html
from tests.support.browser import Explorer, launched, note_errors

MARKUP = '<b>cat</b> & "`</script>'
GRID = (4, 6)


@pytest.fixture(scope="module")
def browser():
    with launched() as browser:
        yield browser


@pytest.fixture
def visit(browser, tmp_path):
    """visit(html, width=..., theme=...) -> the page of that text, from a file; errors on the console fail the test."""
    contexts, errors = [], []

    def open_page(html, width=1280, theme="light"):
        path = tmp_path / f"page{len(contexts)}.html"
        path.write_text(html, encoding="utf-8")
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=theme, reduced_motion="reduce", offline=True
        )
        contexts.append(context)
        page = context.new_page()
        note_errors(page, errors)
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    # An exported notebook asks for MathJax; there is no network here.
    assert [error for error in errors if "net::ERR" not in error] == []


def arrays(grid=GRID, layers=2, heads=3, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    tokens = grid[0] * grid[1]

    def softmax(*shape):
        weights = np.exp(1.5 * rng.standard_normal(shape))
        return weights / weights.sum(axis=-1, keepdims=True)

    votes = rng.standard_normal((tokens, classes))
    return dict(
        image=rng.integers(0, 256, (5 * grid[0], 5 * grid[1], 3)).astype("uint8"),
        grid=grid,
        attention=softmax(layers, heads, tokens, tokens),
        pooling=softmax(tokens),
        rollout=softmax(tokens, tokens),
        votes=votes,
        class_names=[MARKUP, *(f"class {i}" for i in range(1, classes))],
        logits=votes.sum(axis=0) + [0.5] * classes,
        title=f"Explorer {MARKUP}",
    )


def wrapped(*explorers, body=""):
    return f"<!doctype html><meta charset=utf-8><body {body}>{''.join(explorers)}"


@pytest.fixture
def explorer(visit):
    return Explorer(visit(wrapped(explorer_html(**arrays()))), GRID)


def assert_lights_up(colours, values, end=None):
    """The map alone has cividis's colours: within 30 of 255, for the page knows nine of them and rounds the weights."""
    shares = np.minimum(values / (end or values.max()), 1)
    assert np.argmax(colours @ [0.299, 0.587, 0.114]) == np.argmax(shares)
    assert np.abs(colours - 255 * matplotlib.colormaps["cividis"](shares)[:, :3]).max() < 30


def test_pointing_lights_up_the_row(explorer):
    given = arrays()
    explorer.point(0)
    before, line = explorer.picture(), explorer.text()
    explorer.point(9)
    assert explorer.picture() != before
    assert explorer.text() != line
    assert "row 1, column 3 reads most from" in explorer.text()
    top = np.argmax(given["attention"][0, 0, 9])
    assert f"row {top // 6}, column {top % 6} ({100 * given['attention'][0, 0, 9].max():.3g}%)" in explorer.text()
    # The photo stays in sight: grey, under an orange veil that covers 85% where the weight is largest.
    grey = 30 + 0.5 * given["image"][2::5, 2::5].reshape(-1, 3) @ [0.299, 0.587, 0.114]
    veil = 0.85 * given["attention"][0, 0, 9] / given["attention"][0, 0, 9].max()
    expected = np.outer(1 - veil, [1, 1, 1]) * grey[:, None] + np.outer(veil, [230, 159, 0])
    assert np.abs(explorer.colours() - expected).max() < 5
    explorer.frame.locator("#photo").uncheck()
    assert_lights_up(explorer.colours(), given["attention"][0, 0, 9])
    explorer.point(17, view="image")  # both ways: pointing at the image does the same
    assert_lights_up(explorer.colours(), given["attention"][0, 0, 17])


def test_every_map_shows_its_array(explorer):
    given = arrays()
    explorer.frame.locator("#photo").uncheck()
    explorer.point(7)
    explorer.choose("layer", 1)
    explorer.choose("head", 2)
    assert_lights_up(explorer.colours(), given["attention"][1, 2, 7])
    explorer.choose("head", "mean")
    assert_lights_up(explorer.colours(), given["attention"][1, :, 7].mean(axis=0))
    assert "Layer 1, mean over heads" in explorer.text()
    mean, largest = given["attention"][1, :, 7].mean(axis=0).max(), given["attention"][1, :, 7].max(axis=1).mean()
    assert abs(float(explorer.text("#current .ends").split()[1].strip("%")) / 100 - mean) <= largest / 255 + 5e-4
    explorer.choose("map", "rollout")
    assert_lights_up(explorer.colours(), given["rollout"][7])
    explorer.choose("map", "pooling")
    assert_lights_up(explorer.colours(), given["pooling"])
    assert f"takes {100 * given['pooling'][7]:.3g}%" in explorer.text()
    for chosen in (0, 2):
        explorer.choose("map", "votes")
        explorer.choose("class", chosen)
        red, _, blue = explorer.colours().T
        votes = given["votes"][:, chosen]
        assert np.array_equal(red > blue, votes > 0)  # orange for, blue against
        vote, logit = votes[7], given["logits"][chosen]
        assert f"adds {'−' if vote < 0 else '+'}{abs(vote):.3g} to the logit" in explorer.text()
        assert "with the bias +0.5 they make" in explorer.text()
        assert explorer.text().endswith(f"{'−' if logit < 0 else '+'}{abs(logit):.3g}.")


def test_the_fixed_scale_is_the_same_for_all_rows(explorer):
    given = arrays()["attention"]
    explorer.frame.locator("#photo").uncheck()
    row = given[0, 0, 3]
    explorer.point(3)
    assert explorer.text("#current .ends").split("\n") == [
        "0",
        f"{100 * row.max():.3g}% = {24 * row.max():.2f} × uniform",
    ]
    own = explorer.picture()
    explorer.choose("scale", "fixed")
    assert explorer.picture() != own
    assert explorer.text("#current .ends").split("\n") == ["0", "33.3% = 8.00 × uniform"]
    for token in (3, 11):
        explorer.point(token)
        assert_lights_up(explorer.colours(), given[0, 0, token], end=8 / 24)
    count = (given[0, 0] > 8 / 24).sum(axis=1)
    explorer.point(np.argmax(count))
    assert explorer.text("#current .facts").endswith(f"{count.max()} beyond the scale.")


def test_entropy_and_largest_are_printed(explorer):
    row = arrays()["attention"][0, 0, 5]
    explorer.point(5)
    entropy, largest = re.match(
        r"Entropy ([\d.]+) of 4.58 bits. Largest ([\d.]+) × uniform", explorer.text("#current .facts")
    ).groups()
    assert abs(float(entropy) - -(row * np.log2(row)).sum()) < 0.02
    assert float(largest) == round(24 * row.max(), 2)


def test_random_control_is_named_equally_peaked_and_repeatable(explorer):
    explorer.point(5)
    for name in ("attention", "rollout", "pooling", "votes"):
        explorer.choose("map", name)
        before, facts = explorer.picture(), explorer.text("#current .facts")
        button = explorer.frame.get_by_role("button", name="Random control")
        button.click()
        control = explorer.picture()
        assert control != before and button.get_attribute("aria-pressed") == "true"
        assert explorer.text().startswith("Random control, not the model")
        assert "andom control, not the model" in explorer.text("#current figcaption")
        entropy = [float(re.search(r"\d+(\.\d+)?", text)[0]) for text in (facts, explorer.text("#current .facts"))]
        assert abs(entropy[0] - entropy[1]) <= 0.01  # for votes: the largest, as they are only shuffled
        button.click()
        assert explorer.picture() == before
        button.click()
        assert explorer.picture() == control
        button.click()


def test_keyboard_does_what_the_pointer_does(explorer):
    explorer.point(7)
    pictures = [explorer.picture()]
    for key, row, column in [
        ("ArrowRight", 1, 2),
        ("ArrowDown", 2, 2),
        ("ArrowLeft", 2, 1),
        ("ArrowUp", 1, 1),
        ("End", 1, 5),
        ("ArrowRight", 1, 5),
        ("Home", 1, 0),
        ("Control+End", 3, 5),
        ("ArrowDown", 3, 5),
        ("Control+Home", 0, 0),
    ]:
        explorer.press(key)
        assert f"The token in row {row}, column {column} reads" in explorer.text(), key
        pictures.append(explorer.picture())
    assert pictures[0] == pictures[4] and len(set(pictures)) == 8
    explorer.frame.wait_for_function("document.getElementById('spoken').textContent.includes('row 0, column 0')")
    assert explorer.frame.get_attribute("#spoken", "aria-live") == "polite"


def test_tab_goes_through_the_controls_to_the_map_and_out(explorer):
    explorer.frame.locator("#map").focus()
    reached = []
    for _ in range(7):
        explorer.page.keyboard.press("Tab")
        reached.append(explorer.frame.evaluate("document.activeElement.id || document.activeElement.tagName"))
    assert reached == ["layer", "head", "scale", "photo", "control", "CANVAS", "BODY"]


def test_pin_compares_two_tokens(explorer):
    given = arrays()["attention"][0, 0]
    explorer.frame.locator("#photo").uncheck()
    assert explorer.text("#pinned .hint").startswith("Click a token")
    explorer.click(4)
    explorer.point(20)
    assert not explorer.frame.locator("#pinned .hint").is_visible()
    assert_lights_up(explorer.colours("pinned"), given[4])
    assert_lights_up(explorer.colours("current"), given[20])
    assert explorer.text("#pinned figcaption") == "Pinned row 0, column 4: where it reads from"
    there, back = re.search(
        r"reads ([\d.]+)% from the pinned .* which reads ([\d.]+)% from it", explorer.text()
    ).groups()
    for told, source, token in ((there, 20, 4), (back, 4, 20)):
        assert abs(float(told) / 100 - given[source, token]) <= given[source].max() / 255 + 5e-4
    explorer.choose("head", 1)  # the pinned row follows the choice of head
    assert_lights_up(explorer.colours("pinned"), arrays()["attention"][0, 1, 4])
    explorer.press("Enter")  # pins the current token instead
    assert explorer.text("#pinned figcaption").startswith("Pinned row 3, column 2")
    explorer.press("Escape")
    assert explorer.frame.locator("#pinned .hint").is_visible()
    explorer.click(4, view="image")
    explorer.click(4, view="image")  # a second click lets go
    assert explorer.frame.locator("#pinned .hint").is_visible()
    explorer.click(4)
    explorer.choose("map", "pooling")
    assert explorer.text("#pinned .hint").startswith("One map for the whole image")


def test_text_stays_text(explorer):
    assert explorer.text("h1") == f"Explorer {MARKUP}"
    assert explorer.frame.locator("b").count() == 0
    assert MARKUP in explorer.text("#prediction")
    explorer.choose("map", "votes")
    explorer.choose("class", 0)
    assert f"Votes for {MARKUP}." in explorer.text()


def test_two_on_one_page_do_not_meet(visit):
    page = visit(wrapped(explorer_html(**arrays()), explorer_html(**arrays(seed=1))))
    first, second = Explorer(page, GRID), Explorer(page, GRID, 1)
    pictures = first.picture(), second.picture()
    second.point(1)
    second.choose("head", 2)
    assert first.picture() == pictures[0] and second.picture() != pictures[1]
    assert first.text() != second.text()


@pytest.mark.parametrize("width", [1280, 800, 420])
def test_nothing_is_cut_off(visit, width):
    explorer = Explorer(visit(wrapped(explorer_html(**arrays())), width=width), GRID)
    explorer.click(4)
    explorer.point(5)
    explorer.page.wait_for_timeout(100)
    for direction in ("Width", "Height"):
        inside, shown = explorer.frame.evaluate(
            f"[document.documentElement.scroll{direction}, document.documentElement.client{direction}]"
        )
        assert inside <= shown
    assert not explorer.page.get_by_text("trust it").is_visible()  # the line for pages where no script runs


@pytest.mark.parametrize(
    ("theme", "body", "dark"),
    [
        ("light", "", False),
        ("dark", "", True),
        ("light", "data-jp-theme-light=false", True),
        ("dark", "data-jp-theme-light=true", False),
    ],
)
def test_light_and_dark(visit, theme, body, dark):
    explorer = Explorer(visit(wrapped(explorer_html(**arrays()), body=body), theme=theme), GRID)
    colours = explorer.frame.evaluate(
        "(({color, backgroundColor}) => [color, backgroundColor])(getComputedStyle(document.body))"
    )
    ink, ground = (np.mean([int(number) for number in re.findall(r"\d+", colour)]) for colour in colours)
    assert (ground < 60 and ink > 200) if dark else (ground > 200 and ink < 60)


def test_the_theme_follows_jupyter(visit):
    explorer = Explorer(visit(wrapped(explorer_html(**arrays()), body="data-jp-theme-light=true")), GRID)
    for light, theme in (("false", "dark"), ("true", "light")):
        explorer.page.evaluate(f"document.body.dataset.jpThemeLight = '{light}'")
        explorer.frame.locator(f"html[data-theme={theme}]").wait_for(timeout=5_000)


@pytest.mark.whole
def test_256_tokens_are_unpacked_and_repainted(visit, record_property):
    given = arrays((16, 16), layers=7, heads=4)
    html = explorer_html(**given)
    assert "&quot;packed&quot;: true" in html
    explorer = Explorer(visit(wrapped(html)), (16, 16))
    explorer.choose("layer", 6)
    explorer.choose("head", "mean")
    explorer.click(40)
    explorer.frame.locator("#photo").uncheck()
    explorer.point(100)
    assert_lights_up(explorer.colours(), given["attention"][6, :, 100].mean(axis=0))
    explorer.frame.locator("#photo").check()
    script = """() => {  // handler and painting, read back so that the pixels are there; both views, mean over heads
        const canvas = document.querySelector('#current canvas'), box = canvas.getBoundingClientRect(), times = [];
        const context = canvas.getContext('2d');
        for (let i = 0; i < 60; i++) {
            const clientX = box.x + (i * 7 % 16 + 0.5) * box.width / 16;
            const clientY = box.y + (i % 16 + 0.5) * box.height / 16;
            const start = performance.now();
            canvas.dispatchEvent(new PointerEvent('pointermove', { clientX, clientY }));
            context.getImageData(0, 0, 1, 1);
            times.push(performance.now() - start);
        }
        return times.slice(10);
    }"""
    for control in ("model", "random control"):
        times = explorer.frame.evaluate(script)
        record_property(f"repaint_ms_{control}", times)  # reported, not asserted: machines differ
        print(f"repaint, {control}: median {np.median(times):.1f} ms, 95% {np.quantile(times, 0.95):.1f} ms")
        explorer.frame.get_by_role("button", name="Random control").click()


@pytest.mark.whole
def test_differences_are_summed_up(visit):
    given = arrays((16, 16), layers=7, heads=4)
    smooth = sum(np.roll(given["attention"], (i, j), axis=(-1, -2)) for i in range(6) for j in range(6)) / 36
    html = explorer_html(**{**given, "attention": smooth})
    assert "&quot;differences&quot;: true" in html
    explorer = Explorer(visit(wrapped(html)), (16, 16))
    explorer.frame.locator("#photo").uncheck()
    for layer, token in ((0, 0), (6, 255), (3, 100)):
        explorer.choose("layer", layer)
        explorer.point(token)
        assert_lights_up(explorer.colours(), smooth[layer, 0, token])


@pytest.mark.whole
def test_exported_notebook(visit, tmp_path):
    cell = nbformat.v4.new_code_cell("explorer", outputs=[])
    cell.outputs.append(nbformat.v4.new_output("display_data", data={"text/html": explorer_html(**arrays())}))
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "course.ipynb")
    command = [sys.executable, "-m", "nbconvert", "--to", "html", "course.ipynb"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    explorer = Explorer(visit((tmp_path / "course.html").read_text(encoding="utf-8")), GRID)
    explorer.point(0)
    before, line = explorer.picture(), explorer.text()
    explorer.point(13)
    assert explorer.picture() != before and explorer.text() != line


def test_what_is_not_given_is_not_offered(visit):
    given = arrays()
    explorer = Explorer(visit(wrapped(explorer_html(given["image"][..., :1], GRID, given["attention"]))), GRID)
    options = explorer.frame.locator("#map option").all_inner_texts()
    assert options == ["attention"]
    assert not explorer.frame.locator("#class").is_visible()
    explorer.point(0)
    before = explorer.picture()
    explorer.point(1)
    assert explorer.picture() != before

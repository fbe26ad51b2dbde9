"""The notebooks are what the course promises, and each rule of notebooks/lint.py can fail.

That every cell runs is tested by nbval, which collects notebooks/*.ipynb (see pyproject.toml).
"""

import os
import re
import subprocess
import sys
import types
from pathlib import Path

import keras
import lint
import make
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from packaging.requirements import Requirement

from cct_helpers import environment
from cct_helpers.exercises import examine

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"
SOURCES = lint.sources()
CORE = [
    "00_start_here",
    "01_patches_and_convolutions",
    "02_positions",
    "03_self_attention",
    "04_stochastic_depth",
    "05_sequence_pooling",
    "06_compact_transformer",
    "07_training",
    "08_looking_inside",
]
FIRST_CELL = """# 4. Stochastic depth

*Why drop branches?*

You will drop branches.

15 minutes to read, 1 minute to run.

[![Open in Colab](badge.svg)](https://colab.research.google.com/github/a/b/blob/main/notebooks/04_trial.ipynb)
"""


def ids(paths):
    return [path.relative_to(NOTEBOOKS).with_suffix("").as_posix() for path in paths]


def good_notebook():
    """A small notebook that breaks no rule."""
    folded = {"tags": ["setup"], "jupyter": {"source_hidden": True}}
    setup = new_code_cell("import cct_helpers", metadata=folded, execution_count=1)
    code = new_code_cell("1 + 1", execution_count=2)
    code.outputs = [new_output("execute_result", {"text/plain": "2"}, execution_count=2)]
    cells = [new_markdown_cell(FIRST_CELL.replace("badge.svg", "https://a.b/c.svg")), setup, code]
    metadata = {"kernelspec": make.KERNEL, "language_info": {"name": "python"}}
    return new_notebook(cells=[*cells, new_markdown_cell("## Recap\n\nDone.")], metadata=metadata)


def complaints_after(change, folder):
    """What the rules say about the good notebook after ``change`` was made to it."""
    notebook = good_notebook()
    change(notebook)
    return lint.complaints(notebook, folder / "notebooks" / "04_trial.ipynb")


# The notebooks of the course


@pytest.mark.parametrize("name", CORE)
def test_core_notebook_exists(name):
    assert (NOTEBOOKS / f"{name}.py").is_file()
    assert (NOTEBOOKS / f"{name}.ipynb").is_file()


@pytest.mark.parametrize("path", SOURCES, ids=ids(SOURCES))
def test_pair_agrees_and_keeps_the_rules(path):
    assert make.make(path, check=True) == []


def test_every_ipynb_has_its_py():
    made = [*NOTEBOOKS.glob("*.ipynb"), *NOTEBOOKS.glob("solutions/*.ipynb")]
    assert sorted(path.with_suffix(".py") for path in made) == sorted(SOURCES)


def test_numbers_are_unique():
    for folder in (NOTEBOOKS, NOTEBOOKS / "solutions"):
        numbers = [path.name[:2] for path in SOURCES if path.parent == folder]
        assert len(numbers) == len(set(numbers))


@pytest.mark.whole
def test_shortest_notebook_runs_as_a_script():
    shortest = min(SOURCES, key=lambda path: len(path.read_text(encoding="utf-8")))
    environment = os.environ | {"MPLBACKEND": "Agg"}
    command = [sys.executable, str(shortest)]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr[-3000:]


# The rules


def test_good_notebook_breaks_no_rule(tmp_path):
    assert complaints_after(lambda notebook: None, tmp_path) == []


def add(cell):
    """A change that puts ``cell`` before the recap, run in order if it is code."""

    def change(notebook):
        if cell.cell_type == "code":
            cell.execution_count = 3
        notebook.cells.insert(3, cell)

    return change


def add_output(output):
    return add(new_code_cell("1", outputs=[output]))


def set_source(number, old, new):
    def change(notebook):
        assert old in notebook.cells[number].source
        notebook.cells[number].source = notebook.cells[number].source.replace(old, new)

    return change


def stream(text, name="stdout"):
    return new_output("stream", name=name, text=text)


def add_trap(box="> **Trap: one.**\n\n**Predict:** what?", code="assert 1", after="**To catch it:** look.", tag="trap"):
    """A change that puts a trap before the recap: its box, its code, and how to catch it."""

    def change(notebook):
        coded = new_code_cell(code, metadata={"tags": [tag]}, execution_count=3)
        notebook.cells[3:3] = [new_markdown_cell(box), coded, new_markdown_cell(after)]

    return change


def add_exercise(heading="### Exercise: One", code='cct.check("one", int)', tag="exercise"):
    """A change that puts an exercise before the recap."""

    def change(notebook):
        stub = new_code_cell(code, metadata={"tags": [tag]}, execution_count=3)
        notebook.cells[3:3] = [new_markdown_cell(heading), stub]

    return change


HOME = "/" + "home/ann/course"  # in two parts: the repository itself may not hold such a path
BAD = {
    "no title": (set_source(0, "# 4. ", "4. "), "title"),
    "another number": (set_source(0, "# 4. ", "# 5. "), "start with its number"),
    "title with a subtitle": (set_source(0, "depth\n", "depth: why?\n"), "without a colon"),
    "no question": (set_source(0, "*Why drop branches?*\n\n", ""), "question"),
    "no promise": (set_source(0, "You will drop branches.\n\n", ""), "promise"),
    "no minutes to read": (set_source(0, "15 minutes to read, ", ""), "minutes to read"),
    "no minutes to run": (set_source(0, ", 1 minute to run", ""), "minutes to run"),
    "badge of another notebook": (set_source(0, "04_trial.ipynb", "05_trial.ipynb"), "badge"),
    "first cell is code": (lambda notebook: notebook.cells.pop(0), "first cell"),
    "no setup": (lambda notebook: notebook.cells[1].metadata.pop("tags"), "tag 'setup'"),
    "setup in full": (lambda notebook: notebook.cells[1].metadata.pop("jupyter"), "must be folded"),
    "two setups": (lambda notebook: notebook.cells[2].metadata.update(tags=["setup"]), "tag 'setup'"),
    "two titles": (add(new_markdown_cell("# Again")), "level 1"),
    "no recap": (set_source(3, "Recap", "End"), "Recap"),
    "code after recap": (lambda notebook: notebook.cells.append(new_code_cell("1", execution_count=3)), "after"),
    "long cell": (add(new_code_cell("x = 1\n" * 21)), "21 lines"),
    "wide cell": (add(new_code_cell("x = 1" + " + 1" * 25)), "line of 105 characters"),
    "empty cell": (add(new_code_cell("\n")), "empty"),
    "long notebook": (lambda notebook: [add(new_code_cell("x = 1\n" * 20))(notebook) for _ in range(18)], "362 lines"),
    "trap without code": (add_trap(tag="code"), "needs a code cell of its own"),
    "trap that asserts nothing": (add_trap(code="1"), "needs an assert"),
    "trap that asks nothing": (add_trap(box="> **Trap: one.** It is."), "needs a question"),
    "trap that nobody catches": (add_trap(after="So it is."), "To catch it"),
    "code of a trap without box": (add_trap(box="What?"), "has no box"),
    "exercise without a tag": (add_exercise(tag="stub"), "must have the tag 'exercise'"),
    "exercise with two checks": (add_exercise(code='cct.check("one", int)\n' * 2), "one line cct.check"),
    "exercise without a heading": (add_exercise(heading="Do this."), "must start with"),
    "second reading that nobody names": (add(new_markdown_cell("## For a second reading")), "one paragraph"),
    "way to no heading": (
        add(new_markdown_cell("**Which way through?** *This* can\nwait.")),
        "'This', which",
    ),
    "second reading after the exercises": (
        add(new_markdown_cell("**Which way through?** All.\n\n## Exercises\n\n## For a second reading")),
        "before '## Exercises'",
    ),
    "large file": (add_output(new_output("display_data", {"image/png": "a" * 1_000_001})), "bytes"),
    "not run": (lambda notebook: notebook.cells[2].update(execution_count=None), "in order"),
    "run twice": (lambda notebook: notebook.cells[2].update(execution_count=5), "in order"),
    "no outputs": (lambda notebook: notebook.cells[2].update(outputs=[]), "no outputs"),
    "error": (add_output(new_output("error", ename="ValueError", evalue="x", traceback=[])), "raised ValueError"),
    "warning": (add_output(stream("UserWarning: careful", "stderr")), "careful"),
    "memory address": (add_output(stream("<object at 0x7f3a1c2b4d50>")), "memory address"),
    "live widget": (add_output(new_output("display_data", {lint.WIDGET_VIEW: {}})), "live widget"),
    "widget state": (lambda notebook: notebook.metadata.update(widgets={}), "metadata.widgets"),
    "path in source": (add(new_code_cell(f"folder = '{HOME}'")), "absolute path"),
    "path in output": (add_output(stream(f"saved in {HOME}")), "absolute path"),
    "Windows path": (add_output(stream("saved in C:" + r"\Users\ann")), "absolute path"),
    "broken link": (add(new_markdown_cell("See [this](03_nowhere.ipynb#part).")), "03_nowhere.ipynb"),
    "missing picture": (add(new_markdown_cell('<img src="images/no.png" alt="A cat">')), "images/no.png"),
    "no alt text": (add(new_markdown_cell("![](https://a.b/c.png)")), "alt text"),
    "no alt attribute": (add(new_markdown_cell('<img src="https://a.b/c.png" alt="">')), "alt text"),
    "number in a table": (add(new_markdown_cell("| a |\n|---|\n| 93.1 % |")), "93.1 stands in no code"),
    "number in bold": (add(new_markdown_cell("It has **283,723 weights**.")), "283,723 stands in no code"),
    "other kernel": (lambda notebook: notebook.metadata.update(kernelspec={"name": "mine"}), "kernel"),
    "Python version": (lambda notebook: notebook.metadata.update(language_info={"version": "3.1"}), "version"),
}


@pytest.mark.parametrize("change, words", BAD.values(), ids=BAD.keys())
def test_bad_notebook_is_caught(change, words, tmp_path):
    found = complaints_after(change, tmp_path)
    assert any(words in complaint for complaint in found), found


def test_numbers_that_the_code_holds_or_a_link_proves_pass(tmp_path):
    def change(notebook):
        notebook.cells[2].source += "\nassert 283_723 > 0.931"
        rows = ["| model | top-1 |", "|---|---|", "| ours, 0.28M | 93.1 % |", "| [theirs](https://a.b) | 94.2 % |"]
        notebook.cells.insert(3, new_markdown_cell("\n".join(rows).replace("0.28M", "283,723, 2021, `5.5`")))

    assert complaints_after(change, tmp_path) == []


def test_complete_traps_and_exercises_pass(tmp_path):
    assert complaints_after(add_trap(), tmp_path) == []
    above = "> **Trap: `**one` in\n> two lines.** Sure?\n\n**To catch it:** look."
    notebook = good_notebook()
    notebook.cells[2].update(source="assert 1", metadata={"tags": ["trap"]})
    notebook.cells.insert(3, new_markdown_cell(above))
    assert lint.complaints(notebook, tmp_path / "notebooks" / "04_trial.ipynb") == []
    assert lint.traps(notebook) == [(3, "`**one` in two lines", 2)]
    assert complaints_after(add_exercise(), tmp_path) == []


def test_stubs_do_not_count_as_code_of_the_notebook(tmp_path):
    def change(notebook):
        for _ in range(18):
            add_exercise(code="x = 1\n" * 18 + 'cct.check("one", int)')(notebook)

    assert not any("lines of code" in complaint for complaint in complaints_after(change, tmp_path))


def test_lines_to_read_are_those_that_say_something():
    source = 'x = f(\n    1,\n)\n\nalt = """A cat,\nasleep."""\nshow(\n    [\n        x,\n        """a\nb""",\n    ]\n)'
    assert lint.lines_to_read(source) == 8  # x = f(, 1, alt = '', show(, [, x, """a, b"""


def test_invalid_notebook_is_caught(tmp_path):
    notebook = good_notebook()
    notebook.cells[2].outputs[0].output_type = "nonsense"
    assert "not a valid notebook" in lint.well_formed(notebook, tmp_path)[0]


def test_existing_link_and_address_pass(tmp_path):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "05_next.ipynb").touch()
    cell = new_markdown_cell(
        "See [next](05_next.ipynb#part), [paper](https://arxiv.org/abs/2104.05704), [top](#recap)."
    )
    assert complaints_after(add(cell), tmp_path) == []


# The command that makes notebooks

TEXT = """\
# %% [markdown]
# # 4. Trial
#
# *Does it work?*
#
# You will see that it works.
#
# 1 minute to read, 1 minute to run.
#
# [![Open in Colab]()]()

# %% tags=["setup"]

# %%
print("CODE")

# %% [markdown]
# ## Recap
"""


@pytest.fixture
def pair(tmp_path, monkeypatch):
    """The path of a new .py in a repository of its own, with a package that only says hello."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "cct_helpers").mkdir()
    (tmp_path / "cct_helpers" / "__init__.py").write_text("def setup():\n    print('hello')\n", encoding="utf-8")
    write_address(tmp_path, "OWNER/REPOSITORY")
    monkeypatch.setattr(make, "ROOT", tmp_path)
    for name in ("CCT_PROFILE", "CCT_DATA", "MPLBACKEND"):  # make() sets the first and drops the others
        monkeypatch.setenv(name, "quick")
    path = tmp_path / "notebooks" / "04_trial.py"
    path.write_text(TEXT, encoding="utf-8")
    return path


def write_address(root, address):
    text = f'[project.urls]\nRepository = "https://github.com/{address}"\n'
    (root / "pyproject.toml").write_text(text, encoding="utf-8")


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def outputs(path):
    notebook = nbformat.read(path.with_suffix(".ipynb"), as_version=4)
    return [[lint.output_text(output) for output in cell.outputs] for cell in lint.code_cells(notebook)]


def test_make_executes_and_checks(pair):
    assert make.make(pair, check=True) == ["04_trial.ipynb is missing"]
    assert make.make(pair) == []
    assert outputs(pair) == [["hello\n"], ["CODE\n"]]
    assert make.make(pair, check=True) == []
    edit(pair, "CODE", "CHANGED")
    assert "differ from cell 3" in make.make(pair, check=True)[0]


def test_make_again_changes_nothing(pair):
    make.make(pair)
    before = pair.read_bytes(), pair.with_suffix(".ipynb").read_bytes()
    make.make(pair)
    assert (pair.read_bytes(), pair.with_suffix(".ipynb").read_bytes()) == before


def test_make_without_running_keeps_outputs_of_unchanged_cells(pair):
    make.make(pair)
    edit(pair, "# ## Recap", '# More.\n\n# %%\nprint("new")\n\n# %% [markdown]\n# ## Recap')
    assert "1 code cells have no outputs yet" in make.make(pair, run=False)[0]
    assert outputs(pair) == [["hello\n"], ["CODE\n"], []]


def test_make_names_the_cell_that_fails_and_writes_nothing(pair):
    make.make(pair)
    before = pair.with_suffix(".ipynb").read_bytes()
    edit(pair, 'print("CODE")', "1 / 0")
    (problem,) = make.make(pair)
    assert "cell 3 failed" in problem and "ZeroDivisionError" in problem
    assert pair.with_suffix(".ipynb").read_bytes() == before


def test_make_names_the_cell_that_warns(pair):
    edit(pair, 'print("CODE")', 'import warnings\nwarnings.warn("careful")')
    assert any("cell 3 wrote a warning" in problem for problem in make.make(pair))


def test_make_drops_widgets_and_keeps_pictures(pair):
    widget = "import ipywidgets\nfrom IPython.display import display\n"
    edit(pair, 'print("CODE")', widget + "display(ipywidgets.interactive(lambda a: print(a), a=(0, 3)))\nprint(1)")
    assert make.make(pair) == []
    assert outputs(pair)[1] == ["1\n"]


def test_make_runs_in_the_quick_profile_without_the_users_data(pair):
    edit(pair, 'print("CODE")', 'import os\nprint(os.environ["CCT_PROFILE"], "CCT_DATA" in os.environ)')
    make.make(pair)
    assert outputs(pair)[1] == ["quick False\n"]


@pytest.mark.parametrize(
    "old, words", [("# [![Open in Colab]", "first cell needs"), ('tags=["setup"]', "must start with")]
)
def test_make_says_what_a_source_lacks(pair, old, words):
    edit(pair, old, "")
    assert words in make.make(pair)[0]


def test_address_goes_into_badge_and_setup_cell(pair):
    make.make(pair)
    write_address(make.ROOT, "someone/course")
    assert make.make(pair, check=True) != []
    assert make.make(pair, run=False) == []
    text = pair.read_text(encoding="utf-8")
    assert "github/someone/course/blob/main/notebooks/04_trial.ipynb)" in text
    assert '"https://github.com/someone/course"' in text and "OWNER" not in text
    assert outputs(pair) == [["hello\n"], ["CODE\n"]]


# The setup cell


def run_setup_cell(address, folder, monkeypatch, colab):
    """Run the setup cell in ``folder``; returns the commands that it started."""
    started = []
    run = subprocess.run

    def record_git(command, **options):
        return started.append(command) if command[0] == "git" else run(command, **options)

    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(subprocess, "run", record_git)
    if colab:
        monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    exec(make.setup_cell(address), {})
    return started


@pytest.mark.parametrize("address", ["OWNER/REPOSITORY", "someone/course"])
def test_setup_cell_finds_the_repository_above(address, monkeypatch, capsys):
    assert run_setup_cell(address, NOTEBOOKS, monkeypatch, colab=False) == []
    assert capsys.readouterr().out  # cct.setup() reports


def test_setup_cell_on_colab_asks_for_an_upload_while_there_is_no_address(tmp_path, monkeypatch):
    with pytest.raises(AssertionError, match="On Colab: upload the course as NAME.zip"):
        run_setup_cell("OWNER/REPOSITORY", tmp_path, monkeypatch, colab=True)


def test_setup_cell_on_colab_fetches_the_repository(monkeypatch):
    (command,) = run_setup_cell("someone/course", NOTEBOOKS, monkeypatch, colab=True)
    assert command[:2] == ["git", "clone"] and "https://github.com/someone/course" in command


def test_setup_cell_is_short_and_installs_nothing():
    for address, most in (("OWNER/REPOSITORY", 9), ("someone/course", 13)):
        lines = [line for line in make.setup_cell(address).splitlines() if line.strip()]
        assert len(lines) <= most and lines[-1] == "cct.setup()"
        assert not re.search(r"\bpip\b", make.setup_cell(address))


def without(modules, folder, **settings):
    """What a notebook shows below its setup cell where these are missing: the name of the error, and its lines."""
    hide = f"import sys\nfor name in {modules!r}:\n    sys.modules[name] = None\n"
    (folder / "sitecustomize.py").write_text(hide, encoding="utf-8")
    notebook = nbformat.v4.new_notebook(cells=[new_code_cell(make.setup_cell("OWNER/REPOSITORY"))])
    client = make.nbclient.NotebookClient(
        notebook, kernel_manager_class=make.ThisInterpreter, allow_errors=True, resources={"metadata": {"path": ROOT}}
    )
    inherited = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    with client.setup_kernel(env=inherited | {"PYTHONPATH": str(folder)} | settings):
        client.execute_cell(notebook.cells[0], 0)
    (output,) = notebook.cells[0].outputs
    return output.ename, output.traceback


@pytest.mark.parametrize("modules", [["keras"], ["tensorflow", "jax", "torch"]], ids=["keras", "any backend"])
def test_without_what_it_computes_with_the_setup_cell_says_one_sentence(modules, tmp_path):
    name, lines = without(modules, tmp_path)
    assert name == "NotInstalled" and len(lines) == 1
    assert "pip install -r requirements.txt" in lines[0] and lines[0].startswith(f"{modules[0]} is not installed")


def test_without_the_chosen_backend_the_sentence_names_it(tmp_path):
    name, lines = without(["jax"], tmp_path, KERAS_BACKEND="jax")
    assert name == "NotInstalled" and len(lines) == 1
    assert "jax is not installed" in lines[0] and "pip install jax" in lines[0]


@pytest.mark.parametrize(
    ("python", "machine", "words"),
    [
        ((3, 14, 0), ("Linux", "x86_64"), "no package for Python 3.14: .* Python 3.10 to 3.13 .*uv.* conda .*Colab"),
        ((3, 9, 18), ("Windows", "AMD64"), "no package for Python 3.9: .* Python 3.10 to 3.13 .*uv.* conda .*Colab"),
        ((3, 12, 1), ("Darwin", "x86_64"), "no package for Macs with an Intel processor: .*Colab"),
        ((3, 12, 1), ("Darwin", "arm64"), "pip install -r requirements.txt"),
    ],
)
def test_where_tensorflow_has_no_package_the_sentence_names_the_way_out(python, machine, words, monkeypatch):
    monkeypatch.setattr(environment.sys, "version_info", python)
    monkeypatch.setattr(environment.platform, "python_version_tuple", lambda: tuple(map(str, python)))
    monkeypatch.setattr(environment.platform, "system", lambda: machine[0])
    monkeypatch.setattr(environment.platform, "machine", lambda: machine[1])
    assert re.search(words, environment.way_out("tensorflow"))


def test_setup_reports_tensorflow_by_whatever_name_it_was_installed(monkeypatch, capsys):
    def installed(name, known=environment.importlib.metadata.version):
        assert not name.startswith("tensorflow")  # on Linux the package is tensorflow-cpu, elsewhere tensorflow
        return known(name)

    monkeypatch.setattr(environment.importlib.metadata, "version", installed)
    environment.setup()
    backend = keras.backend.backend()
    assert f", {backend} {sys.modules[backend].__version__}, numpy" in capsys.readouterr().out


# Where TensorFlow has no package, pip says so in its last line, before it fetches anything

REFUSAL = next(
    Requirement(line.split("  #")[0])
    for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    if line.startswith("no-tensorflow")
)
MACHINE = {"sys_platform": "linux", "platform_machine": "x86_64"}


@pytest.mark.parametrize(
    ("there", "refused"),
    [
        ({"python_version": "3.9"}, True),
        ({"python_version": "3.10"}, False),
        ({"python_version": "3.13"}, False),
        ({"python_version": "3.14"}, True),
        ({"python_version": "3.12", "sys_platform": "darwin"}, True),
        ({"python_version": "3.12", "sys_platform": "darwin", "platform_machine": "arm64"}, False),
        ({"python_version": "3.12", "sys_platform": "win32", "platform_machine": "AMD64"}, False),
    ],
)
def test_pip_refuses_where_tensorflow_has_no_package(there, refused):
    assert REFUSAL.marker.evaluate(MACHINE | there) == refused


def test_pip_ends_with_the_sentence(tmp_path):
    """The refusal without its condition, so that it holds for the Python that runs this."""
    only = tmp_path / "requirements.txt"
    only.write_text(f"{REFUSAL.name} @ {REFUSAL.url}\n", encoding="utf-8")
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-index", "-r", str(only)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode != 0
    for words in ("TensorFlow", "Python_3.10_to_3.13", "uv", "conda", "Intel_Mac", "Colab"):
        assert words in last


# The README


def mixed_images_alone(images, targets, order, share):
    """MixUp as in the README: the targets are forgotten."""
    kept = share[:, None, None, None]
    return kept * images + (1 - kept) * images[order], targets


def test_the_answer_in_the_readme_is_a_real_one():
    verdict = examine("mixup", mixed_images_alone, seed=0)
    shown = re.search(r"```text\n(.*?)\n```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)[1]
    assert shown == f"{verdict.mark} mixup: {verdict.text}"


def test_the_readme_is_one_page_and_its_tables_are_made():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert make.readme.renewed(text) == text, "run python notebooks/make.py --no-execute"
    written = re.sub(r"<!-- (\w+): .*?<!-- end of \1 -->", "", text, flags=re.DOTALL)
    assert len(written.splitlines()) <= 90

"""What a new notebook and a new exercise take: made in a copy of the repository, held to the course's own checks."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import course
import lint
import pytest
import sample

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "docs"))

import reading  # noqa: E402

MOST_PLACES_OF_AN_EXERCISE = 4
MOST_PLACES_OF_A_NOTEBOOK = 4  # beyond its own files
COPIED = ("cct_helpers", "notebooks", "tests", "README.md", "pyproject.toml")
STUB = """\
# %% [markdown]
# ### Exercise: The largest token
#
# *5 minutes.* Return the largest number of an image's tokens in every column: `(batch, tokens, dim)` to `(batch, dim)`.
#
# `largest_token(np.array([[[1.0], [5.0]]]))` gives `[[5.0]]`.


# %% tags=["exercise"]
def largest_token(tokens):
    return np.zeros((len(tokens), tokens.shape[2]))  # your line here


cct.check("largest_token", largest_token)

"""
SOLUTION = """\
# %% [markdown]
# ## The largest token
#
# Axis 1 holds the tokens.


# %% tags=["solution"]
def largest_token(tokens):
    return tokens.max(axis=1)  # (batch, tokens, dim) -> (batch, dim)


cct.check("largest_token", largest_token)

"""
EXERCISE = """\
LARGEST_TOKEN = Exercise(
    "largest_token",
    97,
    "The largest token",
    lambda tokens: tokens.max(axis=1),
    MEAN_TOKEN.cases,
    {
        "That is the mean. Wanted is the largest number.": lambda tokens: tokens.mean(axis=1),
        "axis 0 is the batch. The tokens are on axis 1.": lambda tokens: tokens.max(axis=0),
        "That is the smallest number. Wanted is the largest.": lambda tokens: tokens.min(axis=1),
    },
    ("Every column has a largest number.", "tokens.max(axis=1)"),
)

EXERCISES = [MEAN_TOKEN, LARGEST_TOKEN]
"""


MARKED = """\
import sys
sys.path[:0] = ["notebooks"]
import lint, make, numpy
from cct_helpers import exercises

for exercise in [each for each in exercises.all_exercises().values() if each.notebook == 97]:
    for folder, tag, mark in (("", "exercise", "·"), ("solutions/", "solution", "✓")):
        notebook = make.to_notebook((lint.FOLDER / f"{folder}97_throw_away.py").read_text(encoding="utf-8"))
        (cell,) = [number for number, name in lint.exercises(notebook, tag) if name == exercise.name]
        names = {"np": numpy}
        exec(notebook.cells[cell].source.split("cct.check")[0], names)
        assert exercises.examine(exercise.name, names[exercise.name], 0).mark == mark
    for sentence, mistake in exercise.mistakes.items():
        assert sentence in exercises.examine(exercise.name, mistake, 0).text
    print(exercise.name)
"""


def run(copy, *arguments, codes=(0,)):
    """Run Python in the copy; its output, or a failure with all of it."""
    environment = os.environ | {"PYTHONPATH": str(copy)}
    done = subprocess.run([sys.executable, *arguments], cwd=copy, env=environment, capture_output=True, text=True)
    assert done.returncode in codes, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def contents(copy):
    """Every file of the copy but what Python and pytest leave behind."""
    files = [path for path in copy.rglob("*") if path.is_file() and "cache" not in path.as_posix()]
    return {path.relative_to(copy).as_posix(): path.read_bytes() for path in files}


def replace_once(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The repository with a notebook 97, made by one command, and with one more exercise in it."""
    copy = tmp_path_factory.mktemp("course")
    ignored = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", "golden")
    for name in COPIED:
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(
            ROOT / name, copy / name, **({"ignore": ignored} if (ROOT / name).is_dir() else {})
        )
    return copy


@pytest.mark.whole
def test_a_new_notebook_and_a_new_exercise(copy):
    run(copy, "notebooks/make.py", "--no-execute", "00", codes=(0, 1))  # what is stale already is not counted
    before = contents(copy)
    run(copy, "notebooks/make.py", "--new", "97_throw_away", "--no-execute", codes=(1,))  # 1: it has no outputs yet
    after = contents(copy)
    last = course.entries(ROOT / "notebooks")[-1].name
    sections = reading.sections(copy / "notebooks/97_throw_away.ipynb")
    assert sum(sections.values()) == pytest.approx(5, rel=0.15)  # what its first cell says
    ((first, end, said),) = reading.way_through(copy / "notebooks/97_throw_away.ipynb")
    assert (first, end) == ("One idea a section",) * 2 and abs(sections[first] - said) < 1
    assert lint.SECOND_READING in sections
    own = {f"notebooks/97_throw_away.{half}" for half in ("py", "ipynb")}
    own |= {f"notebooks/solutions/97_throw_away.{half}" for half in ("py", "ipynb")}
    own |= {"cct_helpers/exercises/nb97_throw_away.py"}
    written = {f"notebooks/{name}.{half}" for name in ("00_start_here", last) for half in ("py", "ipynb")} | {
        "README.md"
    }
    changed = {name for name in before | after if before.get(name) != after.get(name)}
    assert changed <= own | written and own | {"README.md", f"notebooks/{last}.py"} <= changed
    by_hand = changed - own - written  # all that a new notebook touches beyond its own files, make.py has written
    assert len(by_hand) <= MOST_PLACES_OF_A_NOTEBOOK
    assert (
        "| [97 Throw away](notebooks/97_throw_away.ipynb) | What does throw away change? |"
        in after["README.md"].decode()
    )
    assert "Next: [97 Throw away](97_throw_away.ipynb)" in after[f"notebooks/{last}.py"].decode()
    assert "[97 Throw away](97_throw_away.ipynb)" in after["notebooks/00_start_here.py"].decode()
    places = [
        (copy / "notebooks/97_throw_away.py", "# %% [markdown]\n# ### Where you stand", STUB),
        (copy / "notebooks/solutions/97_throw_away.py", "# %% [markdown]\n# ## All of them", SOLUTION),
        (copy / "cct_helpers/exercises/nb97_throw_away.py", "EXERCISES = [MEAN_TOKEN]\n", EXERCISE),
    ]
    assert len(places) <= MOST_PLACES_OF_AN_EXERCISE
    for path, old, new in places:
        replace_once(path, old, new if path.parent.name == "exercises" else new + old)
    assert run(copy, "notebooks/make.py", "97").count("97_throw_away: ok") == 2  # the notebook and its solutions
    run(copy, "notebooks/make.py", "--check", "97")
    assert run(copy, "-c", MARKED).split() == ["mean_token_97", "largest_token"]


def test_contributing_names_these_counts():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    words = {3: "three", 4: "four"}
    assert f"An exercise has {words[MOST_PLACES_OF_AN_EXERCISE]} places" in text
    assert f"at most {words[MOST_PLACES_OF_A_NOTEBOOK]}" in text


@pytest.mark.parametrize("name", ["throw_away", "97", "97_Throw", "1_a", "97_a-b", "../97_a"])
def test_a_name_of_another_form_is_refused(name, tmp_path):
    with pytest.raises(ValueError, match="two digits and words"):
        sample.begin(name, tmp_path)


def test_a_number_that_is_taken_is_refused_and_nothing_is_written(tmp_path):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "97_there.py").touch()
    with pytest.raises(ValueError, match="97 is taken by 97_there.py"):
        sample.begin("97_here", tmp_path)
    assert [path.name for path in tmp_path.rglob("*.py")] == ["97_there.py"]


# Titles and questions from the first cells


def write_first_cell(folder, name, title, question):
    text = f"# %% [markdown]\n# # {title}\n#\n# *{question}*\n#\n# You.\n"
    (folder / f"{name}.py").write_text(text, encoding="utf-8")


def test_the_list_follows_the_first_cells(tmp_path):
    write_first_cell(tmp_path, "00_start", "0. Start", "Why?")
    write_first_cell(tmp_path, "09_more", "9. More", "What else?")
    write_first_cell(tmp_path, "03_parts", "3. Parts", "Of what?")
    (tmp_path / "05_unfinished.py").write_text("# %%\n", encoding="utf-8")
    assert [entry.name for entry in course.entries(tmp_path)] == ["00_start", "03_parts", "09_more"]
    assert course.last_line("03_parts", tmp_path) == "Next: [09 More](09_more.ipynb). What else?"
    assert course.last_line("09_more", tmp_path) == "This is the last notebook of the course."
    drawn = course.map_of_the_course(tmp_path)
    core = drawn.index("| [03 Parts](03_parts.ipynb) | Of what? |")
    others = drawn.index("| [09 More](09_more.ipynb) | What else? |")
    assert core < drawn.index("Read these in order. Take of the others what you need:") < others
    assert not any("Start" in line for line in drawn)


def test_every_notebook_of_the_course_is_listed():
    names = [path.stem for path in lint.sources() if path.parent == lint.FOLDER]
    assert [entry.name for entry in course.entries()] == names

"""Records of the notebooks: their fingerprint follows what decides their numbers, and nothing else."""

import ast
import json
import shutil
import statistics

import pytest
import records

from cct_helpers import training

NAME = "04_with_and_without"


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A copy of the code that a fingerprint reads; edit(file, old, new) changes it."""
    for folder, pattern in (("cct_helpers", "*.py"), ("notebooks", "*.py")):
        (tmp_path / folder).mkdir()
        for path in (records.ROOT / folder).glob(pattern):
            shutil.copy(path, tmp_path / folder)
    monkeypatch.setattr(records, "ROOT", tmp_path)
    monkeypatch.setattr(records, "NOTEBOOKS", tmp_path / "notebooks")

    def edit(file, old, new):
        path = tmp_path / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    return edit


CHANGES = {  # what is changed, and whether the record is stale after it
    "a layer": ("cct_helpers/layers.py", "keep = 1 - self.rate", "keep = 1 - self.rate / 2", True),
    "a comment": ("cct_helpers/layers.py", "# First weights", "# The first weights", False),
    "a docstring": ("cct_helpers/training.py", '"""Train `model`', '"""Fit `model`', False),
    "a picture": ("cct_helpers/figures.py", '"#0072B2"', '"#0072B3"', False),
    "the notebook's recipe": ("notebooks/04_stochastic_depth.py", "learning_rate=4e-3", "learning_rate=3e-3", True),
    "the function itself": ("notebooks/04_stochastic_depth.py", "num_layers=4, dim=32", "num_layers=3, dim=32", True),
    "another cell": (
        "notebooks/04_stochastic_depth.py",
        "rate, draws = 0.2, 20_000",
        "rate, draws = 0.2, 10_000",
        False,
    ),
    "another notebook": ("notebooks/05_sequence_pooling.py", "epochs=8", "epochs=9", False),
}


@pytest.mark.parametrize(("file", "old", "new", "stale"), CHANGES.values(), ids=CHANGES)
def test_a_fingerprint_follows_what_decides_the_numbers(copy, file, old, new, stale):
    before = records.fingerprint(NAME)
    copy(file, old, new)
    assert (records.fingerprint(NAME) != before) is stale


@pytest.mark.parametrize("name", records.MAKERS | records.SOURCES)
def test_a_record_is_of_todays_code(name):
    command = f"records.py --make {name[:2]}" if name in records.MAKERS else f"the script in {records.SOURCES[name]}"
    assert not records.is_stale(name), f"run {command}, in notebooks/scripts"


@pytest.mark.parametrize("name", records.MAKERS)
def test_a_record_has_every_run_once(name):
    function, settings = records.MAKERS[name]
    record = json.loads((records.RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    found = [tuple(run[argument] for argument in settings) for run in record["runs"]]
    assert len(found) == len(set(found)) == len(list(records.itertools.product(*settings.values())))


def test_a_record_that_was_never_made_is_stale(monkeypatch, tmp_path, capsys):
    shutil.copy(records.RESULTS / f"{NAME}.json", tmp_path)
    monkeypatch.setattr(records, "RESULTS", tmp_path)
    monkeypatch.setattr("sys.argv", ["records.py", "04", "05"])
    records.main()
    one, other, last = capsys.readouterr().out.splitlines()
    assert one.startswith(f"{NAME} ") and " fresh " in one
    assert other.split() == ["05_three_poolings", "stale", "never", "made"]
    assert last == "2 records, 1 stale"


def test_what_a_function_needs_is_found_and_nothing_else(tmp_path):
    path = tmp_path / "50_trial.py"
    path.write_text(
        "import math\nb = 2\nc = b + 1\nc += 1\nd = {}\nd['k'] = c\nunused = 1 / 0\n\n"
        "def f(x, c=c):\n    b = x\n    return math.pi + b + c + d['k']\n"
    )
    imports, needed = records.statements_behind(path, "f")
    found = [ast.unparse(statement).split("\n")[0] for statement in needed]
    assert found == ["b = 2", "c = b + 1", "c += 1", "d = {}", "d['k'] = c", "def f(x, c=c):"]
    assert round(records.function_of(path, "f")(1), 2) == 12.14


def test_code_reads_the_same_on_every_python():
    source = """def f(x: int = 1):  # a comment
        'A docstring.'
        return f'{x:.{n}f}'
    """
    number, n = "Constant(value=1)", "Name(id='n', ctx=Load())"
    int_, x = "Name(id='int', ctx=Load())", "Name(id='x', ctx=Load())"
    form = f"JoinedStr(values=[Constant(value='.'), FormattedValue(value={n}, conversion=-1), Constant(value='f')])"
    shown = f"JoinedStr(values=[FormattedValue(value={x}, conversion=-1, format_spec={form})])"
    arguments = f"arguments(args=[arg(arg='x', annotation={int_})], defaults=[{number}])"
    wanted = f"Module(body=[FunctionDef(name='f', args={arguments}, body=[Return(value={shown})])])"
    assert records.bare(ast.parse(source)) == wanted


def test_the_reason_for_a_loop_of_our_own_is_what_was_measured():
    record = json.loads((records.RESULTS / "07_time_fit.json").read_text(encoding="utf-8"))
    runs = [record["runs"][way] for way in ("cct.fit", "model.fit, arrays", "model.fit, PyDataset")]
    whole = [f"{statistics.median(run['seconds'] for run in way):.1f} s" for way in runs]
    first = [f"{statistics.median(run['epochs'][0] for run in way):.1f} s" for way in runs]
    text = training.__doc__
    places = [text.index(seconds) for seconds in [*whole, *first]]
    assert places == sorted(places) and len(set(places)) == 6

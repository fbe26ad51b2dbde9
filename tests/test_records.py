"""Records of the notebooks: their fingerprint follows what decides their numbers, and nothing else."""

import ast
import json
import re
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
    for file in {file for files in records.SOURCES.values() for file in files}:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(records.ROOT / file, tmp_path / file)
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


OF_2021 = {"07_race_step", "07_race_time", "09_ladder", "09_from_the_top"}
OF_CCT_2 = {"00_live_model", "08_faithfulness_cifar10", "11_ways_to_start", "11_choices"}
COUNTING = {  # what is changed in a file, and the records that are stale after it; None adds a line that begins with #
    "the kernel of the live model": ("live_kernel.wasm", None, None, {"00_live_model"}),
    "its script": ("live.js", None, None, {"00_live_model"}),
    "the shipped weights": ("cct_2_3x2_32_cifar10.npz", None, None, OF_CCT_2),
    "those of the teacher": ("cct_7_3x1_32_cifar10.npz", None, None, {"00_live_model", "10_distillation"}),
    "a comment in a script": ("scaling_runs.py", None, None, set()),
    "a function of notebook 08": ("08_looking_inside.py", "fill, seed=0", "fill, seed=1", {"08_faithfulness_cifar10"}),
    "the deletion test": ("faithfulness.py", "OTHERS = 3", "OTHERS = 4", {"08_faithfulness_cifar10"}),
    "the example of 2021": ("keras_io_2021.py", "num_heads=2", "num_heads=4", OF_2021),
    "its recipe": ("recipes.py", 'schedule="constant"', 'schedule="cosine"', OF_2021),
    "the recipe fast": ("recipes.py", "image_scales=((0.5, 4)", "image_scales=((0.5, 3)", {"07_race_time"}),
    "a recipe made from it": ("recipes.py", "image_scales=((0.5, 6)", "image_scales=((0.5, 5)", {"07_race_time"}),
    "a recipe without a record": ("recipes.py", "learning_rate=5e-4", "learning_rate=6e-4", set()),
    "a part": ("ablation.py", '"num_conv_layers": 3', '"num_conv_layers": 4', {"09_parts"}),
    "a trick": ("grid_runs.py", '{"cutmix": 1.0}', '{"cutmix": 0.5}', {"10_stronger"}),
    "a rung": ("grid_runs.py", '{"head_size": 64}', '{"head_size": 32}', {"09_ladder", "09_from_the_top"}),
    "the epochs that are timed": ("time_fit.py", "EPOCHS = 4", "EPOCHS = 5", {"07_time_fit"}),
    "the batches of photos": ("scaling_runs.py", "batches=12", "batches=9", {"13_cpu"}),
    "the epochs of processes": ("scaling_runs.py", '"--epochs", "5"', '"--epochs", "6"', {"14_cpu"}),
    "the script of processes": ("many_processes.py", "BATCH = 64", "BATCH = 32", {"14_cpu"}),
}


@pytest.fixture(scope="module")
def own_code():
    """Fingerprints of the records in SOURCES, without the modules that decide all of them alike."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "DECIDING", ())
        return {name: records.fingerprint(name) for name in records.SOURCES}


@pytest.mark.parametrize(("file", "old", "new", "stale"), COUNTING.values(), ids=COUNTING)
def test_a_file_counts_for_the_records_that_it_decides(own_code, copy, tmp_path, monkeypatch, file, old, new, stale):
    monkeypatch.setattr(records, "DECIDING", ())
    (path,) = tmp_path.rglob(file)
    if old:
        copy(path.relative_to(tmp_path), old, new)
    else:
        path.write_bytes(path.read_bytes() + b"\n# one more")
    assert {name for name in own_code if records.fingerprint(name) != own_code[name]} == stale


def named_later(path, functions):
    """Names of top-level functions and values of a module that these use, but `statements_behind` does not reach."""
    found = [one for function in functions for one in records.statements_behind(path, function)[1]]
    lines, used = {one.lineno for one in found}, set().union(*map(records.outer_names, found))
    defined = {}  # name -> lines of the statements that give it a value
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        names = [node for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
        for name in [statement.name] if hasattr(statement, "name") else [node.id for node in names]:
            defined.setdefault(name, set()).add(statement.lineno)
    return {name for name in used if name in defined and not defined[name] & lines}


@pytest.mark.parametrize("name", records.MAKERS | records.SOURCES)
def test_a_fingerprint_is_of_all_that_its_functions_use(name):
    for file, functions in records.SOURCES.get(name, {}).items():
        path = records.ROOT / file
        assert path.is_file() and (functions or path.suffix != ".py")
        for function in functions:
            assert records.statements_behind(path, function)[1], f"{file} has no {function} any more"
        if functions:
            assert not named_later(path, functions), f"list these in records.SOURCES too, {file}"
    assert re.fullmatch("[0-9a-f]{16}", records.fingerprint(name))


@pytest.mark.parametrize("name", records.SOURCES)
def test_a_record_that_begins_with_shipped_weights_counts_them(name):
    called = set()
    for file, functions in records.SOURCES[name].items():
        for function in functions:
            for statement in records.statements_behind(records.ROOT / file, function)[1]:
                called |= {getattr(node, "attr", getattr(node, "id", "")) for node in ast.walk(statement)}
    if called & {"load_pretrained", "start_from"}:
        assert any(file.endswith(".npz") for file in records.SOURCES[name]), "list the weights in records.SOURCES"


@pytest.mark.parametrize("name", records.MAKERS | records.SOURCES)
def test_a_record_is_of_todays_code_or_known_to_be_stale(name):
    scripts = [file for file in records.SOURCES.get(name, {}) if file.startswith("notebooks/scripts/")]
    command = f"records.py --make {name[:2]}" if name in records.MAKERS else f"the script in {scripts}"
    if name in records.STALE:
        assert records.is_stale(name), f"{name} is fresh: take it out of records.STALE"
    else:
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

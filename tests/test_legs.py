"""The legs of the tests agree with each other: requirements, lock file, Colab's versions, nox and the workflow."""

import ast
import json
import re
from pathlib import Path

import keras
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

from tests.benchmarks import legs

ROOT = Path(__file__).parents[1]


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def requirements():
    lines = [line.split("#")[0].strip() for line in read("requirements.txt").splitlines()]
    return {requirement.name: requirement for requirement in map(Requirement, filter(None, lines))}


def pinned(text):
    """Name and version of every line with ==; one name may have several, for several versions of Python."""
    return [(name, Version(version)) for name, version in re.findall(r"^([\w.-]+)==([\w.]+)", text, re.MULTILINE)]


def sessions():
    """The legs in noxfile.py, as nox calls them."""
    functions = [node for node in ast.parse(read("noxfile.py")).body if isinstance(node, ast.FunctionDef)]
    return {node.name for node in functions if node.decorator_list}


def test_the_lock_holds_every_requirement_in_a_version_it_allows():
    locked, wanted = pinned(read("requirements.lock")), requirements()
    assert {name for name, _ in locked} >= {name.lower() for name in wanted}, "run nox -s lock"
    for name, version in locked:
        if name in wanted:
            assert version in wanted[name].specifier, f"{name} {version}: run nox -s lock"


def test_the_lock_has_a_hash_for_everything_and_no_address():
    text = read("requirements.lock")
    blocks = re.split(r"^(?=[\w.-]+==)", text, flags=re.MULTILINE)[1:]
    assert len(blocks) == len(pinned(text)) > 50
    assert all("--hash=sha256:" in block for block in blocks)
    assert not re.search(r"https?:|file:|--index|--find-links| @ ", text)


def test_colab_has_versions_that_the_requirements_allow():
    colab = pinned(read(".ci/colab.txt"))
    assert {"tensorflow", "keras", "ipywidgets", "numpy", "matplotlib"} == {name for name, _ in colab}
    for name, version in colab:
        assert version in requirements()[name].specifier, f"{name} {version}"


def test_the_workflow_runs_every_leg():
    job = yaml.safe_load(read(".github/workflows/tests.yml"))["jobs"]["legs"]
    run = {session.split("(")[0] for session in job["strategy"]["matrix"]["session"]}
    assert run == sessions() - {"newest", "lock"}  # newest is the job "tests", on three systems; lock writes a file
    assert job["steps"][-1] == {"run": 'nox -s "${{ matrix.session }}"'}


def test_tests_of_the_backend_leg_exist():
    rooms = re.search(r"for room in \((.*?)\n    \)", read("noxfile.py"), re.DOTALL)[1]
    names = re.findall(r'"(\w+)"', rooms)
    assert len(names) > 10
    for name in names:
        assert (ROOT / "tests" / f"test_{name}.py").is_file(), name


@pytest.mark.parametrize("bound", ["3.10", "3.13"])
def test_every_supported_python_has_a_leg(bound):
    assert f'"{bound}"' in re.search(r"PYTHONS = (.*)", read("noxfile.py"))[1]
    assert bound in read("README.md")


# The README's table


REPORT = """<testsuites><testsuite time="90.5">
<testcase classname="tests.test_layers" name="one" time="1"/>
<testcase classname="tests.test_layers" name="two" time="1"/>
<testcase classname="tests.test_browser" name="three" time="0"><skipped/></testcase>
{}</testsuite></testsuites>"""
FAILURE = '<testcase classname="tests.test_models" name="four" time="1"><failure/></testcase>'


def run_legs(monkeypatch, folder, *arguments):
    """`python -m tests.benchmarks.legs` with a README and a record in `folder`; returns both."""
    monkeypatch.setattr(legs, "ROOT", folder)
    monkeypatch.setattr(legs, "RECORD", folder / "legs.json")
    monkeypatch.setattr("sys.argv", ["legs", *arguments])
    if not (folder / "README.md").exists():
        (folder / "README.md").write_text(f"above\n{legs.START}\n{legs.END}\nbelow\n")
    legs.main()
    return (folder / "README.md").read_text(), json.loads((folder / "legs.json").read_text())["legs"]


def test_a_leg_is_written_down_once_with_its_versions(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    (tmp_path / "report.xml").write_text(REPORT.format(""))
    run_legs(monkeypatch, tmp_path, "oldest", str(tmp_path / "report.xml"), "--what", "a few")
    readme, results = run_legs(monkeypatch, tmp_path, "oldest", str(tmp_path / "report.xml"))
    assert [(result["leg"], result["what"], result["minutes"]) for result in results] == [("oldest", "all", 1.5)]
    assert results[0]["tests"] == {"passed": 2, "skipped": 1}
    assert list(results[0]["versions"])[:2] == ["tensorflow", "keras"]
    assert results[0]["versions"]["keras"] == keras.__version__
    assert readme.startswith("above\n") and readme.endswith("below\n")
    assert readme.count("| oldest |") == 1 and "| 2 passed, 1 skipped |" in readme


def test_a_leg_that_failed_is_written_down_and_ends_badly(monkeypatch, tmp_path):
    (tmp_path / "report.xml").write_text(REPORT.format(FAILURE))
    with pytest.raises(SystemExit, match="1 failed"):
        run_legs(monkeypatch, tmp_path, "colab", str(tmp_path / "report.xml"))
    assert "| 2 passed, 1 failed, 1 skipped |" in (tmp_path / "README.md").read_text()


def test_the_readme_has_the_table_of_the_record():
    assert legs.table(json.loads(legs.RECORD.read_text(encoding="utf-8"))) in read("README.md"), (
        "run python -m tests.benchmarks.legs"
    )

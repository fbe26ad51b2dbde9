"""What holds the repository together: one list of requirements, floors, style, and a README that is true."""

import ast
import graphlib
import itertools
import json
import re
import subprocess
import sys
from pathlib import Path

import lint
import pytest
import yaml

from tests.benchmarks import footprint, readme_results

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "cct_helpers"
MODULES = sorted(PACKAGE.glob("*.py"))
COURSE = [path.stem for path in lint.sources() if path.parent.name == "notebooks"]
MAX_LINES = 250

# Imports go sideways or down, never up. A new module needs its place here.
FLOORS = [
    {"environment", "initializers", "layers", "tokenizers", "data", "images", "augment", "recipes", "checkpoint"}
    | {"progress_line", "steps"}
    | {"faithfulness", "plots", "plots_attention", "plots_depth", "plots_inside", "plots_model", "plots_own"}
    | {"plots_pooling", "plots_positions", "plots_text", "plots_tokens", "plots_training", "text", "text_data"}
    | {"plots_scaling", "plots_ablation", "plots_stronger"},
    {"models", "costs", "attention", "evaluation", "training", "export", "widgets", "checks", "exercises"}
    | {"exercises_attention", "exercises_depth", "exercises_inside", "exercises_models", "exercises_pooling"}
    | {"exercises_positions", "exercises_start", "exercises_text", "exercises_tokens", "exercises_training"}
    | {"exercises_own", "exercises_scaling", "exercises_ablation", "exercises_stronger", "ablation"},
    {"weights", "explorer", "transfer"},
    {"__init__"},
]
ANY_BACKEND = {
    "text",
    "initializers",
    "evaluation",
    "layers",
    "tokenizers",
    "models",
    "attention",
    "weights",
    "recipes",
}  # pure Keras 3
ON_PYPI = {"PIL": "pillow", "sklearn": "scikit-learn", "skimage": "scikit-image", "yaml": "pyyaml"}
NOT_REQUIRED = {"torch", "jax", "nox"}  # used only where the reader has them
KERAS_CALLS_IT = {"build", "call", "get_config", "compute_output_shape", "compute_output_spec", "input_spec"}


def ids(paths):
    return [path.stem for path in paths]


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def files():
    """All files of the repository that git does not ignore; without git, all that are not hidden."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8")
    if done.returncode == 0:
        return [ROOT / name for name in done.stdout.splitlines() if (ROOT / name).is_file()]
    return [path for path in ROOT.rglob("*") if path.is_file() and not re.search(r"/[._]", path.as_posix())]


def imports(path):
    """Dotted names of everything a file imports, wherever in the file, with relative imports made absolute."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(filter(None, ["cct_helpers" if node.level else "", node.module]))
            names |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return names


def neighbours(path):
    """Modules of the package that a module imports."""
    parts = [name.split(".") for name in imports(path)]
    return {part[1] for part in parts if part[0] == "cct_helpers" and len(part) > 1} & set(ids(MODULES))


def floor(name):
    numbers = [number for number, names in enumerate(FLOORS) if name in names]
    assert numbers, f"{name} has no floor: give it one in FLOORS"
    return numbers[0]


def requirements():
    """Project name -> specifier, from requirements.txt."""
    lines = re.findall(r"^([a-z][\w-]*)([^ #\n]*)", read("requirements.txt"), re.MULTILINE)
    return dict(lines)


# Requirements


def test_every_requirement_has_a_lower_bound_and_says_who_needs_it():
    lines = [line for line in read("requirements.txt").splitlines() if line and not line.startswith("#")]
    assert len(lines) == len(requirements())
    for line in lines:
        assert re.fullmatch(r"[a-z][\w-]*>=[\w.,<!=]+  # \S.*", line), line


def test_conda_installs_the_same():
    environment = yaml.safe_load(read("environment.yml"))["dependencies"]
    assert environment[-1] == {"pip": ["-r requirements.txt"]}
    (python,) = [name for name in environment if str(name).startswith("python>")]
    assert re.search(r'^requires-python = ">=(.*)"$', read("pyproject.toml"), re.MULTILINE)[1] in python


def test_the_package_needs_what_requirements_name():
    block = re.search(r"^dependencies = \[(.*?)\n\]", read("pyproject.toml"), re.MULTILINE | re.DOTALL)[1]
    needed = dict(re.findall(r'"([a-z][\w-]*)([^"]*)"', block))
    assert needed and needed.items() <= requirements().items()


def test_everything_imported_is_required():
    python_files = [path for path in files() if path.suffix == ".py"]
    assert python_files
    ours = {path.stem for path in python_files} | {"cct_helpers", "tests"}
    known = ours | NOT_REQUIRED | set(sys.stdlib_module_names)
    for path in python_files:
        for name in {name.split(".")[0] for name in imports(path)} - known:
            project = ON_PYPI.get(name, name.replace("_", "-").lower())
            assert project in requirements() or project == "ipython", f"{path.name} imports {name}"


# Style


@pytest.mark.parametrize("arguments", [["check"], ["format", "--check"]], ids=["lint", "format"])
def test_ruff(arguments):
    done = subprocess.run([sys.executable, "-m", "ruff", *arguments, "."], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_path_of_somebodys_machine():
    kinds = {".py", ".md", ".toml", ".yml", ".yaml", ".json", ".txt", ""}  # notebooks have a rule of their own
    checked = [path for path in files() if path.suffix in kinds]
    assert ROOT / "README.md" in checked
    for path in checked:
        assert not lint.HOME_PATH.search(path.read_text(encoding="utf-8")), path


def test_the_address_stands_in_one_place():
    assert read("pyproject.toml").count("https://github.com/") == 1
    for path in files():
        if path.suffix in {".py", ".md", ".toml", ".yml"} and path.parent.name not in {
            "notebooks",
            "solutions",
            "tests",
        }:
            expected = int(path.name == "pyproject.toml")
            address = re.search(r'github\.com/([^"]+)"', read("pyproject.toml"))[1]
            assert path.read_text(encoding="utf-8").count(address) == expected, path


# The package


@pytest.mark.parametrize("path", MODULES, ids=ids(MODULES))
def test_module_imports_sideways_or_down(path):
    own = floor(path.stem)
    for name in neighbours(path):
        assert floor(name) <= own, f"{path.stem} imports {name}, which is above it"


def test_no_circle_of_imports():
    graph = {path.stem: neighbours(path) for path in MODULES}
    assert len(list(graphlib.TopologicalSorter(graph).static_order())) == len(MODULES)


@pytest.mark.parametrize("path", MODULES, ids=ids(MODULES))
def test_module_imports_only_what_it_may(path):
    names = {name.split(".")[0] for name in imports(path)}
    if path.stem in ANY_BACKEND:
        assert "tensorflow" not in names
    if path.stem != "widgets":
        assert "ipywidgets" not in names
    if path.stem.startswith("plots"):
        assert "keras" not in names and all(name.startswith("plots") for name in neighbours(path))


@pytest.mark.parametrize("path", MODULES, ids=ids(MODULES))
def test_module_can_be_read_in_one_sitting(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


def public_definitions(tree):
    """The module itself, its public functions and classes, and the public methods of those classes."""
    yield "module", tree
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node.name, node
            for method in node.body if isinstance(node, ast.ClassDef) else []:
                if isinstance(method, ast.FunctionDef) and not method.name.startswith(("_", "on_")):
                    if method.name not in KERAS_CALLS_IT:
                        yield f"{node.name}.{method.name}", method


@pytest.mark.parametrize("path", MODULES, ids=ids(MODULES))
def test_everything_public_has_a_docstring(path):
    definitions = public_definitions(ast.parse(path.read_text(encoding="utf-8")))
    assert [name for name, node in definitions if not ast.get_docstring(node)] == []


# The README and the machines that run the tests


def notebooks_in_the_readme():
    """(title, file without its ending) of every notebook that the README lists, in its order."""
    return re.findall(r"^\| \[(\d\d [^]]*)\]\(notebooks/(\d\d_\w+)\.ipynb\)", read("README.md"), re.MULTILINE)


def test_readme_lists_the_notebooks_that_exist():
    assert [name for _, name in notebooks_in_the_readme()] == COURSE


def test_each_notebook_ends_with_a_link_to_the_next():
    assert len(notebooks_in_the_readme()) > 1
    for (_, name), (title, after) in itertools.pairwise(notebooks_in_the_readme()):
        end = read(f"notebooks/{name}.py").rpartition("\n#\n")[2]
        assert f"Next: [{title}]({after}.ipynb)" in end, name


def test_readme_links_exist():
    targets = ["".join(pair).split("#")[0] for pair in lint.LINK.findall(read("README.md"))]
    assert targets
    for target in targets:
        assert target.startswith("https://") or (ROOT / target).exists(), target


def test_readme_results_are_those_of_the_records():
    assert readme_results.table() in read("README.md"), "run python tests/benchmarks/readme_results.py"


def test_readme_says_what_a_notebook_costs_as_it_is_on_record():
    record = json.loads(footprint.RECORD.read_text(encoding="utf-8"))
    assert list(record["notebooks"]) == COURSE
    assert footprint.sentence(record) in read("README.md"), "run python -m tests.benchmarks.footprint"
    assert record["import"]["seconds"] <= footprint.MOST_SECONDS
    assert max(cost["peak_gib"] for cost in record["notebooks"].values()) <= footprint.MOST_GIB


def test_a_notebook_names_the_time_to_run_that_is_on_record():
    for name, cost in json.loads(footprint.RECORD.read_text(encoding="utf-8"))["notebooks"].items():
        number, unit = re.search(r"(\d+|a) (minute|second)s? to run", read(f"notebooks/{name}.py")).groups()
        named = int(number.replace("a", "1")) * {"minute": 60, "second": 1}[unit]
        assert cost["seconds"] <= 1.1 * named, f"{name} took {cost['seconds']} s, and says {named}"


def test_ci_runs_the_command_of_the_readme():
    commands = re.findall(r"^python3 -m venv .*$", read("README.md"), re.MULTILINE)
    assert [command.rsplit("/", 1)[-1] for command in commands] == ["jupyter lab notebooks", "python -m pytest -n 2"]
    assert commands[1] in read(".ci/run").splitlines()


def test_workflow_covers_systems_and_versions():
    workflow = yaml.safe_load(read(".github/workflows/tests.yml"))
    matrix = workflow["jobs"]["tests"]["strategy"]["matrix"]
    assert matrix["os"] == ["ubuntu-latest", "macos-latest", "windows-latest"]
    assert matrix["python"] == ["3.10", "3.11", "3.12", "3.13"]
    assert {"push", "pull_request", "schedule"} <= workflow[True].keys()  # YAML reads the key 'on' as True
    assert workflow["jobs"]["tests"]["steps"][-1] == {"run": "python -m pytest -n 2"}

"""What holds the repository together: imports by place, one list of requirements, style, a README that is true."""

import ast
import graphlib
import importlib
import inspect
import itertools
import re
import subprocess
import sys
from pathlib import Path

import lint
import pytest
import readme
import yaml
from IPython.core.completer import IPCompleter, provisionalcompleter
from packaging.requirements import Requirement
from packaging.version import Version

import cct_helpers as cct

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "cct_helpers"
MODULES = {  # name inside the package -> file: "layers", "plots.nb04_stochastic_depth", "exercises"
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix("__init__").rstrip("."): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
CORE = {name for name in MODULES if MODULES[name].parent == PACKAGE} - {""}
ENGINE = {name for name in MODULES if re.match(r"exercises(\.(?!nb\d)|$)", name)}
COURSE = [path.stem for path in lint.sources() if path.parent.name == "notebooks"]
ON_PYPI = {"PIL": "pillow", "sklearn": "scikit-learn", "skimage": "scikit-image", "yaml": "pyyaml"}
NOT_REQUIRED = {"torch", "nox", "pillow_heif", "pillow_avif"}  # used only where the reader has them
KERAS_CALLS_IT = {
    "build",
    "call",
    "get_config",
    "from_config",
    "compute_output_shape",
    "compute_output_spec",
    "input_spec",
}


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
    """Dotted names of everything a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def neighbours(path):
    """Modules of the package that a file imports; "" is the package itself."""
    for name in imports(path):
        first, *parts = name.split(".")
        if first == "cct_helpers":
            yield next(part for end in range(len(parts), -1, -1) if (part := ".".join(parts[:end])) in MODULES)


def foreign(path):
    """What else a file imports, without Python's own library: "numpy", "keras"."""
    return {name.split(".")[0] for name in imports(path)} - {"cct_helpers"} - set(sys.stdlib_module_names)


def requirements(*names):
    """Every `Requirement` of the requirement files with these names, or of all."""
    lines = [line for name in names or ("requirements.txt", "requirements-dev.txt") for line in read(name).splitlines()]
    texts = [
        re.sub(r"\s+#.*", "", line) for line in lines if line and not line.startswith(("#", "-r", "no-tensorflow"))
    ]
    return [Requirement(text) for text in texts]


def specifiers(*names):
    """Project name -> the versions that are allowed."""
    return {requirement.name: requirement.specifier for requirement in requirements(*names)}


# Imports by place


@pytest.mark.parametrize("name", MODULES)
def test_imports_keep_to_their_place(name):
    path, room = MODULES[name], name.partition(".")[0]
    ours, others = set(neighbours(path)), foreign(path)
    if name == "":
        assert ours <= CORE | {"exercises"}
    elif name in CORE:
        assert ours <= CORE
    elif name in ENGINE:
        assert ours <= CORE | ENGINE
    elif room == "exercises":
        assert ours <= CORE | ENGINE and others <= {"numpy", "keras"}
    elif room == "plots":
        assert ours <= {"figures"} and others <= {"numpy", "matplotlib"}
    else:
        assert room == "topics" and ours <= CORE, "a topic knows the core, and no other topic"


@pytest.mark.parametrize("path", lint.sources(), ids=lambda path: path.relative_to(ROOT / "notebooks").as_posix())
def test_a_notebook_imports_its_own_pictures_and_no_exercises(path):
    for name in neighbours(path):
        own = name.startswith(f"plots.nb{path.name[:2]}_")
        assert own or name in CORE | {""} or name.startswith("topics."), f"{path.name} imports {name}"


def test_no_circle_of_imports():
    graph = {name: set(neighbours(path)) - {name} for name, path in MODULES.items()}
    assert len(list(graphlib.TopologicalSorter(graph).static_order())) == len(MODULES)


def test_only_widgets_imports_ipywidgets():
    assert [name for name, path in MODULES.items() if "ipywidgets" in foreign(path)] == ["widgets"]


@pytest.mark.parametrize("name", ["layers", "models", "attention"])
def test_what_is_read_first_runs_on_every_backend(name):
    reached, waiting = set(), {name}
    while waiting:
        reached |= waiting
        waiting = {other for name in waiting for other in neighbours(MODULES[name])} - reached
    assert [name for name in reached if "tensorflow" in foreign(MODULES[name])] == []


# The package


def test_the_package_fits_on_one_screen():
    rooms = [path for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"]
    assert len(CORE) <= 14 and len(rooms) == 4


def test_the_package_offers_its_public_names_and_nothing_else():
    assert dir(cct) == sorted(cct.__all__) and len(set(cct.__all__)) == len(cct.__all__)
    for name in cct.__all__:
        assert hasattr(cct, name), name


@pytest.mark.parametrize("jedi", [False, True])
def test_completion_offers_the_public_names_and_nothing_else(jedi):
    assert cct.layers and importlib.import_module("cct_helpers.topics.costs")  # modules that were imported before
    completer = IPCompleter(namespace={"cct": cct}, use_jedi=jedi)
    with provisionalcompleter():
        offered = [completion.text.rpartition(".")[2] for completion in completer.completions("cct.", 4)]
    assert sorted(set(offered)) == sorted(cct.__all__)


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


def docstrings(name):
    """(name, docstring) of everything public in a module."""
    tree = ast.parse(MODULES[name].read_text(encoding="utf-8"))
    return [(name, ast.get_docstring(node)) for name, node in public_definitions(tree)]


@pytest.mark.parametrize("name", MODULES)
def test_everything_public_has_a_docstring(name):
    assert [what for what, docstring in docstrings(name) if not docstring] == []


@pytest.mark.parametrize("name", [name for name in MODULES if not name.startswith(("exercises", "plots"))])
def test_docstrings_have_one_dialect(name):
    """What an argument is stands, indented, under "Args:", never in a paragraph of its own."""
    for what, docstring in docstrings(name):
        for paragraph in docstring.split("\n\n"):
            assert not re.match(r"\*{0,2}[a-z_]\w*(, \w+)*: ", paragraph), f"{what}: {paragraph}"


@pytest.mark.parametrize("name", [name for name in cct.__all__ if inspect.isroutine(getattr(cct, name))])
def test_every_argument_of_the_public_functions_is_explained(name):
    function = getattr(cct, name)
    wanted = [parameter.name for parameter in inspect.signature(function).parameters.values()]
    section = re.search(r"^Args:\n(.*?)(\n\n|\Z)", inspect.getdoc(function), re.MULTILINE | re.DOTALL)
    explained = re.findall(r"^    \*{0,2}(\w+(?:, \w+)*)(?=: )", section[1], re.MULTILINE) if section else []
    assert set(", ".join(explained).split(", ")) - {""} == set(wanted)


# Requirements


def test_every_requirement_has_a_lower_bound_and_says_who_needs_it():
    for name in ("requirements.txt", "requirements-dev.txt"):
        for line in filter(None, read(name).splitlines()):
            if not line.startswith(("#", "-r")):
                assert re.fullmatch(r"[a-z][\w-]*(>=[\w.,<!=]+| @ \S+)( ; [^#]+?)?  # \S.*", line), line
    assert read("requirements-dev.txt").startswith("-r requirements.txt\n")
    assert {*specifiers("requirements.txt")} & {*specifiers("requirements-dev.txt")} == set()


def test_conda_installs_the_same():
    environment = yaml.safe_load(read("environment.yml"))["dependencies"]
    assert environment[-1] == {"pip": ["-r requirements.txt"]}
    (python,) = [name for name in environment if str(name).startswith("python>")]
    assert re.search(r'^requires-python = ">=([\d.]+)', read("pyproject.toml"), re.MULTILINE)[1] in python


def test_the_package_needs_what_requirements_name():
    block = re.search(r"^dependencies = \[(.*?)\n\]", read("pyproject.toml"), re.MULTILINE | re.DOTALL)[1]
    needed = {Requirement(text).name: Requirement(text).specifier for text in re.findall(r'"([^"]+)"', block)}
    assert needed and needed.items() <= specifiers("requirements.txt").items()


def test_everything_imported_is_required():
    """Of what a learner installs: the package, and the notebooks but for their optional parts."""
    python_files = [path for path in files() if path.suffix == ".py"]
    ours = {path.stem for path in python_files} | {"tests"}
    assert python_files
    for path in python_files:
        own = specifiers("docs/requirements.txt") if path.parent.name == "docs" else {}
        for name in foreign(path) - ours - NOT_REQUIRED:
            project = ON_PYPI.get(name, name.replace("_", "-").lower())
            assert project in specifiers() | own or project == "ipython", f"{path.name} imports {name}"


def pinned(name):
    """Name and version of every line with ==; one name may have several, for several versions of Python."""
    return [
        (found, Version(version)) for found, version in re.findall(r"^([\w.-]+)==([\w.]+)", read(name), re.MULTILINE)
    ]


def test_the_lock_holds_every_requirement_in_a_version_it_allows():
    wanted = specifiers()
    assert {name for name, _ in pinned("requirements.lock")} >= {name.lower() for name in wanted}, "run nox -s lock"
    for name, version in pinned("requirements.lock"):
        assert name not in wanted or version in wanted[name], f"{name} {version}: run nox -s lock"


def test_the_lock_has_a_hash_for_everything_and_no_address():
    text = read("requirements.lock")
    blocks = re.split(r"^(?=[\w.-]+==)", text, flags=re.MULTILINE)[1:]
    assert len(blocks) == len(pinned("requirements.lock")) > 50
    assert all("--hash=sha256:" in block for block in blocks)
    assert not re.search(r"https?:|file:|--index|--find-links| @ ", text)


def test_colab_has_versions_that_the_requirements_allow():
    for name, version in pinned(".ci/colab.txt"):
        assert version in specifiers("requirements.txt")[name], f"{name} {version}"
    tensorflow = {name for name in specifiers("requirements.txt") if name.startswith("tensorflow")}
    assert {name for name, _ in pinned(".ci/colab.txt")} >= {*tensorflow, "keras", "ipywidgets", "numpy", "matplotlib"}


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
    address = re.search(r'github\.com/([^"]+)"', read("pyproject.toml"))[1]
    for path in files():
        if path.suffix in {".py", ".md", ".toml", ".yml"} and path.parent.name not in {
            "notebooks",
            "solutions",
            "tests",
        }:
            count = path.read_text(encoding="utf-8").count(f"github.com/{address}")
            assert count == (path.name == "pyproject.toml"), path


# The README


def test_readme_lists_the_notebooks_that_exist():
    assert re.findall(r"^\| \[\d\d [^]]*\]\(notebooks/(\d\d_\w+)\.ipynb\)", read("README.md"), re.MULTILINE) == COURSE


def test_each_notebook_ends_with_a_link_to_the_next():
    assert len(COURSE) > 1
    for name, after in itertools.pairwise(COURSE):
        end = read(f"notebooks/{name}.py").rpartition("\n#\n")[2]
        assert re.search(rf"Next: \[{after[:2]} [^]]+\]\({after}\.ipynb\)", end), name


def test_readme_links_exist():
    targets = ["".join(pair).split("#")[0] for pair in lint.LINK.findall(read("README.md"))]
    assert targets
    for target in targets:
        assert target.startswith("https://") or (ROOT / target).exists(), target


def test_readme_results_are_those_of_the_records():
    assert readme.results() in read("README.md"), "run python notebooks/make.py"


def test_ci_runs_the_test_command_of_the_readme():
    course, tests = re.findall(r"^python3 -m venv .*$", read("README.md"), re.MULTILINE)
    assert "-r requirements.txt" in course and course.rsplit("/bin/", 1)[-1].startswith("jupyter lab ")
    assert "-r requirements-dev.txt" in tests and tests.endswith("python -m pytest -n 2")
    assert tests in read(".ci/run").splitlines()


# The machines that run the tests


def sessions():
    """The sessions of noxfile.py, as nox calls them: {"oldest", "newest-3.13", "backend(jax)", ...}."""
    tree, found = ast.parse(read("noxfile.py")), set()
    pythons = ast.literal_eval(re.search(r"^PYTHONS = (.*)$", read("noxfile.py"), re.MULTILINE)[1])
    for node in tree.body:
        decorators = {ast.unparse(one) for one in getattr(node, "decorator_list", [])}
        text = " ".join(decorators)
        if "python=PYTHONS" in text:
            found |= {f"{node.name}-{python}" for python in pythons}
        elif ids := re.search(r"ids=(\[.*?\])", text):
            found |= {f"{node.name}({one})" for one in ast.literal_eval(ids[1])}
        elif decorators:
            found.add(node.name)
    return found


def test_a_push_runs_three_jobs_and_a_week_every_session_system_and_python():
    workflow = yaml.safe_load(read(".github/workflows/tests.yml"))
    assert {"push", "pull_request", "schedule", "workflow_dispatch"} == workflow[True].keys()  # YAML reads 'on' as True
    jobs = workflow["jobs"]
    push, systems = jobs["push"]["strategy"]["matrix"]["include"], jobs["systems"]["strategy"]["matrix"]
    assert [name for name, job in jobs.items() if "if" not in job] == ["push"]
    weekly = "github.event_name == 'schedule' || github.event_name == 'workflow_dispatch'"
    assert {job["if"] for name, job in jobs.items() if name != "push"} == {weekly}
    newest = max(systems["python"], key=Version)
    assert [(job["session"], job["os"]) for job in push] == [
        *((f"newest-{newest}", "ubuntu-latest"), ("oldest", "ubuntu-latest"), (f"newest-{newest}", "windows-latest"))
    ]
    assert systems["os"] == ["ubuntu-latest", "macos-latest", "windows-latest"]
    run = {f"newest-{python}" for python in systems["python"]}
    run |= {job["session"] for job in [*push, *jobs["sessions"]["strategy"]["matrix"]["include"]]}
    assert run == sessions() - {"lock"}  # which writes a file
    assert jobs["readme"]["steps"][-1] == {"run": ".ci/run"}
    assert [jobs[name]["steps"][-1]["run"] for name in ("push", "sessions", "systems")] == [
        *['nox -s "${{ matrix.session }}"'] * 2,
        'nox -s "newest-${{ matrix.python }}"',
    ]


def test_every_supported_python_has_a_session():
    lowest, end = re.search(
        r'^requires-python = ">=3\.(\d+)(?:,<3\.(\d+))?"$', read("pyproject.toml"), re.MULTILINE
    ).groups()
    wanted = {f"newest-3.{minor}" for minor in range(int(lowest), int(end or 14))}
    assert wanted == {name for name in sessions() if name.startswith("newest-")}
    (python,) = re.findall(r"- python(\S+)", read("environment.yml"))
    assert python == f">=3.{lowest},<3.{end or 14}"


def test_the_backends_run_what_is_marked_for_every_backend():
    marked = [
        path
        for path in (ROOT / "tests").rglob("test_*.py")
        if "pytestmark = pytest.mark.any_backend" in path.read_text(encoding="utf-8")
    ]
    assert {f"test_{name}.py" for name in ("layers", "models", "attention", "training")} <= {
        path.name for path in marked
    }
    assert '"-m", "any_backend"' in read("noxfile.py")


def test_ci_runs_the_whole_sweep_and_colabs_versions():
    (whole,) = re.findall(r"^\.venv/bin/.* --whole -m whole (.*)$", read(".ci/run"), re.MULTILINE)
    assert whole.endswith(" notebooks tests")  # everything, whatever comes first
    colab = re.findall(r"^\.venv-colab/bin/python -m pytest -n 2 (.*)$", read(".ci/run"), re.MULTILINE)
    assert colab == ["notebooks/0[0-8]_*.ipynb", "tests/test_widgets.py"]
    weekly = read("noxfile.py").split("def colab(session):")[1].split("@nox")[0]
    assert '"--whole"' in weekly and '"tests/test_widgets.py"' in weekly

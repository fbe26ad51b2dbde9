"""Make the notebooks that people open (.ipynb) from the text that people edit (.py).

    python notebooks/make.py                every notebook
    python notebooks/make.py 04 07          only these numbers
    python notebooks/make.py --no-execute   write the sources, keep the outputs of unchanged cells
    python notebooks/make.py --check        write nothing, say what does not agree
    python notebooks/make.py --new 17_name  begin a notebook, with its solutions and an exercise

Each .py gets its header, its Open-in-Colab badge, its setup cell and its last line, the link to the next notebook, from
here; notebook 00 gets the map of the course, the README its tables. Titles and questions come from the first cell of
each notebook (course.py), the address of the repository from ``[project.urls]`` in pyproject.toml. Each .ipynb is
executed from top to bottom by the interpreter that runs this file, in the quick profile. What follows for notebooks
that were not asked for is written without running them. Exit status 1 if anything is wrong; a notebook that raised an
error is not written.
"""

import argparse
import hashlib
import os
import re
import sys
import time
from pathlib import Path

import course
import jupytext
import lint
import nbclient
import nbformat
import readme
import sample
from ipykernel.kernelspec import get_kernel_dict
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parent
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
CELL_TIMEOUT = 600  # seconds
TERMINAL_COLOUR = "\x1b\\[[0-9;]*m"

HEADER = """\
# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

"""

FETCH = """\
if "google.colab" in sys.modules and not Path("/content/course").exists():  # Colab starts empty
    source = "https://github.com/ADDRESS"
    subprocess.run(["git", "clone", "--depth=1", source, "/content/course"], check=True)
"""

SETUP_BEGIN = '# %% jupyter={"source_hidden": true} tags=["setup"]\n'  # JupyterLab folds it
SETUP = """\
import sys
from pathlib import Path

here = Path(globals().get("__file__", "")).resolve()  # this script, or the folder of this notebook
places = [here, *here.parents, *Path("/content").glob("*")]  # Colab keeps files in /content
root = next((str(place) for place in places if (place / "cct_helpers").is_dir()), None)
assert root, "No cct_helpers here. On Colab: upload the course as NAME.zip, then '!unzip -q NAME.zip'."
sys.path.insert(0, root)

import cct_helpers as cct

cct.setup()
"""


def repository_address() -> str:
    """``OWNER/REPOSITORY``, from the one place that holds it: ``[project.urls]`` in pyproject.toml."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return re.search(r'^Repository = "https://github\.com/([^/"]+/[^/"]+)"$', text, re.MULTILINE)[1]


def setup_cell(address: str) -> str:
    """The setup cell. It fetches the course on Colab once the repository has a real address."""
    if address == "OWNER/REPOSITORY":
        return SETUP
    imports, rest = SETUP.split("\n\n", 1)
    return "import subprocess\n" + imports + "\n\n" + FETCH.replace("ADDRESS", address) + rest


def badge(path: Path, address: str) -> str:
    """The Open-in-Colab badge of the notebook at ``path`` (.py or .ipynb)."""
    place = path.with_suffix(".ipynb").relative_to(ROOT).as_posix()
    image = "https://colab.research.google.com/assets/colab-badge.svg"
    return f"[![Open in Colab]({image})](https://colab.research.google.com/github/{address}/blob/main/{place})"


def replace_one(pattern: str, replacement: str, text: str, missing: str) -> str:
    """Replace the one match of ``pattern``; ValueError with the message ``missing`` if there is none, or several."""
    text, count = re.subn(pattern, lambda match: replacement, text, flags=re.MULTILINE | re.DOTALL)
    if count != 1:
        raise ValueError(f"{missing} (found {count})")
    return text


def canonical(text: str, path: Path, address: str) -> str:
    """The text of a .py half with its header, badge and setup cell as they must be."""
    text = HEADER + re.sub(r"\A(# ---\n.*?# ---\n)?\s*", "", text, flags=re.DOTALL)
    text = replace_one(
        r"^# \[!\[Open in Colab\][^\n]*$",
        "# " + badge(path, address),
        text,
        "the first cell needs one line that starts with '# [![Open in Colab]'",
    )
    text = replace_one(
        r'^# %%[^\n]*tags=\["setup"\][^\n]*\n.*?(?=^# %%|\Z)',
        SETUP_BEGIN + setup_cell(address) + "\n",
        text,
        "one cell must start with '# %% tags=[\"setup\"]'; its content is written by make.py",
    )
    if path.parent.name == "solutions":
        return text
    if path.name.startswith("00_"):
        text = replace_one(
            f"^# {course.MAP_BEGIN}$.*?^# {course.MAP_END}$",
            "\n".join(f"# {line}".rstrip() for line in course.map_of_the_course(path.parent)),
            text,
            f"the map of the course stands between '# {course.MAP_BEGIN}' and '# {course.MAP_END}'",
        )
    end = r"(\n#)*\n# (Next: \[|This is the last notebook)[^\n]*(\n# [^\n]+)*\s*\Z|\s*\Z"
    return re.sub(end, f"\n#\n# {course.last_line(path.stem, path.parent)}\n", text, count=1)


def to_notebook(text: str) -> nbformat.NotebookNode:
    """Percent text -> notebook without outputs. A cell's id comes from its source, so unchanged cells keep theirs."""
    source = jupytext.reads(text, fmt="py:percent")
    notebook = nbformat.v4.new_notebook(
        metadata={"kernelspec": KERNEL, "language_info": {"name": "python"}}
    )
    seen = set()
    for cell in source.cells:
        number = 0
        while (
            name := hashlib.sha1(f"{number}{cell.cell_type}{cell.source}".encode()).hexdigest()[:8]
        ) in seen:
            number += 1
        seen.add(name)
        new = nbformat.v4.new_code_cell if cell.cell_type == "code" else nbformat.v4.new_markdown_cell
        kept = {key: cell.metadata[key] for key in ("jupyter", "tags") if cell.metadata.get(key)}
        notebook.cells.append(new(cell.source, id=name, metadata=kept))
    return notebook


class ThisInterpreter(AsyncKernelManager):
    """The kernel is the interpreter that runs this file, whatever kernels are installed."""

    def __init__(self, **options):
        super().__init__(**options)
        if self.has_trait("transport_encryption"):  # newer kernels print a warning without it
            self.transport_encryption = "auto"

    @property
    def kernel_spec(self) -> KernelSpec:
        return KernelSpec(**get_kernel_dict())


def execute(notebook: nbformat.NotebookNode, folder: Path) -> None:
    """Run every cell in ``folder``, in the quick profile; outputs are stored in the notebook."""
    os.environ["CCT_PROFILE"] = "quick"
    os.environ["CCT_PROGRESS"] = "off"  # what this user has solved is not shown in a notebook
    for name in ("CCT_DATA", "MPLBACKEND"):
        os.environ.pop(name, None)
    client = nbclient.NotebookClient(
        notebook,
        kernel_manager_class=ThisInterpreter,
        timeout=CELL_TIMEOUT,
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute()
    # nbclient needs widget state while it runs; on a page it only does harm.
    notebook.metadata.pop("widgets", None)
    notebook.metadata["language_info"] = {
        "name": "python"
    }  # the version of Python would change from machine to machine
    for cell in notebook.cells:
        # A live widget shows nothing on a page; the picture before it does.
        if cell.cell_type == "code":
            cell.outputs = [
                output for output in cell.outputs if lint.WIDGET_VIEW not in output.get("data", {})
            ]


def keep_outputs(notebook: nbformat.NotebookNode, old: nbformat.NotebookNode) -> int:
    """Copy the outputs of cells whose source is unchanged; returns the number of code cells left without a run."""
    kept = {cell.source: cell for cell in old.cells if cell.cell_type == "code"}
    setup = next((cell for cell in old.cells if "setup" in cell.metadata.get("tags", [])), None)
    code_cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell in code_cells:
        before = setup if "setup" in cell.metadata.get("tags", []) else kept.get(cell.source)
        if before is not None:
            cell.outputs, cell.execution_count = before.outputs, before.execution_count
    return sum(cell.execution_count is None for cell in code_cells)


def write(path: Path, text: str) -> None:
    """Write a whole file or nothing."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8", newline="\n")
    os.replace(part, path)


def make(path: Path, *, run: bool = True, check: bool = False) -> list[str]:
    """Make the .ipynb beside the .py at ``path``; returns what is wrong with the pair, in words."""
    target = path.with_suffix(".ipynb")
    before = path.read_text(encoding="utf-8")
    try:
        text = canonical(before, path, repository_address())
    except ValueError as error:
        return [str(error)]
    if check:
        if not target.exists():
            return [f"{target.name} is missing"]
        stale = (
            [] if text == before else ["header, badge or setup cell is not the one that make.py writes"]
        )
        made = nbformat.read(target, as_version=4)
        return stale + lint.pair(to_notebook(text), made) + lint.complaints(made, target)
    if text != before:
        write(path, text)
    notebook = to_notebook(text)
    problems = []
    if run:
        try:
            execute(notebook, path.parent)
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            number = max(
                (n for n, cell in enumerate(notebook.cells, 1) if cell.get("execution_count")),
                default=1,
            )
            return [f"not written, cell {number} failed: {re.sub(TERMINAL_COLOUR, '', str(error))}"]
    elif target.exists() and (waiting := keep_outputs(notebook, nbformat.read(target, as_version=4))):
        problems.append(f"{waiting} code cells have no outputs yet: run make.py without --no-execute")
    write(target, nbformat.writes(notebook) + "\n")
    return problems + lint.complaints(notebook, target)


def follow(path: Path) -> bool:
    """Bring a notebook that was not asked for up to date with the rest, without a run; whether anything was written."""
    target, before = path.with_suffix(".ipynb"), path.read_text(encoding="utf-8")
    try:
        text = canonical(before, path, repository_address())
    except ValueError:  # its own make says so
        return False
    if text == before:
        return False
    write(path, text)
    old = nbformat.read(target, as_version=4) if target.exists() else None
    if old and not lint.pair(to_notebook(before), old):  # one whose .py was edited has to be run anyway
        notebook = to_notebook(text)
        keep_outputs(notebook, old)
        write(target, nbformat.writes(notebook) + "\n")
    return True


def make_readme(check: bool = False) -> list[str]:
    """Write the parts of the README that follow from other files; with `check`, say whether they agree."""
    path = ROOT / "README.md"
    before = path.read_text(encoding="utf-8")
    text = readme.renewed(before)
    if check:
        return [] if text == before else ["its tables are not those that make.py writes"]
    if text != before:
        write(path, text)
    return []


def report(name: str, problems: list[str], seconds: float) -> bool:
    """Print one line, and each problem on its own; whether there are any."""
    print(f"{name}: {'ok' if not problems else 'WRONG'}, {seconds:.1f} s", flush=True)
    for problem in problems:
        print(f"  {problem}", flush=True)
    return bool(problems)


def main() -> int:
    """Read the command line, make the notebooks, print one line each and what is wrong; 0 when all is well."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "numbers", nargs="*", metavar="NN", help="numbers of the notebooks, all if none is given"
    )
    parser.add_argument(
        "--no-execute", action="store_true", help="keep the outputs of unchanged cells, run nothing"
    )
    parser.add_argument("--check", action="store_true", help="write nothing, only say what is wrong")
    parser.add_argument("--new", metavar="NN_name", help="begin a notebook with this number and name")
    options = parser.parse_args()
    if options.new:
        try:
            sample.begin(options.new, ROOT)
        except ValueError as error:
            parser.error(str(error))
        options.numbers = [options.new[:2]]
    paths = [path for path in lint.sources() if not options.numbers or path.name[:2] in options.numbers]
    if missing := set(options.numbers) - {path.name[:2] for path in paths}:
        parser.error(f"no notebook with the number {', '.join(sorted(missing))} in {FOLDER.name}/")
    failed = False
    for path in paths:
        start = time.perf_counter()
        problems = make(path, run=not options.no_execute, check=options.check)
        failed |= report(path.stem, problems, time.perf_counter() - start)
    if not options.check:
        for path in lint.sources():
            if path not in paths and follow(path):
                print(f"{path.stem}: follows, not run", flush=True)
    start = time.perf_counter()
    failed |= report("README", make_readme(options.check), time.perf_counter() - start)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())

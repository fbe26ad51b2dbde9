"""Write the README's table of exercises and traps from the notebooks: python tests/benchmarks/readme_exercises.py"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "notebooks")]

import lint  # noqa: E402
import make  # noqa: E402

from cct_helpers.checks import ALL  # noqa: E402

START, END = "<!-- exercises: made by tests/benchmarks/readme_exercises.py -->", "<!-- end of exercises -->"


def rows():
    """(number, titles of exercises, titles of traps) of every notebook that has any."""
    for path in lint.sources():
        if path.parent.name == "notebooks":
            notebook = make.to_notebook(path.read_text(encoding="utf-8"))
            exercises = [ALL[name].title for _, name in lint.exercises(notebook)]
            traps = [title for _, title, code in lint.traps(notebook) if code is not None]
            if exercises or traps:
                yield path.name[:2], exercises, traps


def table():
    """The block between the two marks of the README."""
    found = list(rows())
    exercises, traps = (sum(len(row[column]) for row in found) for column in (1, 2))
    lines = [f"{exercises} exercises and {traps} traps:", "", "| notebook | exercises | traps |", "|---|---|---|"]
    lines += [f"| {number} | {'<br>'.join(titles)} | {'<br>'.join(names)} |" for number, titles, names in found]
    return "\n".join([START, *lines, END])


def with_table(readme):
    """The README with the block between its marks made anew."""
    return re.sub(r"<!-- exercises: .*?<!-- end of exercises -->", lambda _: table(), readme, flags=re.DOTALL)


if __name__ == "__main__":
    path = ROOT / "README.md"
    path.write_text(with_table(path.read_text(encoding="utf-8")), encoding="utf-8")
    print(table())

"""Reads the worked solution of an exercise from the source of the solutions' notebook."""

import ast
import inspect
import re
import textwrap
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parents[2] / "notebooks" / "solutions"


class Worked(NamedTuple):
    """A worked solution. text: title, reason and wrong turns, as Markdown. code: without its `cct.check`."""

    text: str
    code: str


def solution_of(name):
    """The `Worked` solution of the exercise `name`; None where the solutions are not at hand."""
    for path in sorted(FOLDER.glob("[0-9]*.py")):
        cells = re.split(r"^# %%.*\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        for before, cell in zip(cells, cells[1:], strict=False):
            if re.search(rf'^cct\.check\("{re.escape(name)}", ', cell, re.MULTILINE):
                text = re.sub(r"^# ?", "", before, flags=re.MULTILINE).strip()
                return Worked(text, re.sub(r"^cct\.check\(.*\n?", "", cell, flags=re.MULTILINE).strip())
    return None


def is_copied(name, answer):
    """Whether a function, or one of a class, is that of the worked solution to the last letter.

    A short one without a comment does not count: two people may well write the same.
    """
    worked = solution_of(name)
    functions = [answer] if inspect.isfunction(answer) else list(filter(inspect.isfunction, vars(answer).values()))
    try:
        sources = [textwrap.dedent(inspect.getsource(function)).strip() for function in functions]
    except (OSError, TypeError):
        return False
    code = "\n".join(map(textwrap.dedent, _with_methods(worked.code))) if worked else ""
    return any(source in code and ("  # " in source or _statements(source) > 2) for source in sources)


def _statements(source):
    """How many statements a function has, without its docstring."""
    function = ast.parse(source).body[0]
    return sum(isinstance(node, ast.stmt) for node in ast.walk(function)) - 1 - bool(ast.get_docstring(function))


def _with_methods(code):
    """The code, and again with the indent of methods taken away."""
    return [code, *re.findall(r"^    def .*?(?=^    def |^\S|\Z)", code, flags=re.MULTILINE | re.DOTALL)]

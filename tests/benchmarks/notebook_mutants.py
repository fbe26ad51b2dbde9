"""Do the notebooks' asserts bite? Change one thing that an asserting cell computes, and see whether the run ends there.

    python -m tests.benchmarks.notebook_mutants 03 05        # these notebooks; all of them without a number
    python -m tests.benchmarks.notebook_mutants 05 --sample 12 --seed 1
    python -m tests.benchmarks.notebook_mutants 05 --survivors   # those of the record again, after a better assert

A mutant is one change, of the kinds that `mutants.py` knows, in a code cell that asserts something; the asserts
themselves, and what a cell only prints or shows, are left alone. The notebook is then run from the top, exercises left
out, in a fork of this process; a mutant dies where any cell raises an error. The result is written to mutants.json
beside this file, as that of the modules is.
"""

import ast
import os
import sys

import jupytext

from tests.benchmarks import mutants

NOTEBOOKS = mutants.ROOT / "notebooks"
SECONDS = 600  # for one run of a notebook
SAMPLE = 6  # mutants of a notebook, unless --sample says otherwise
SHOWING = ("print", "display", "cct.show", "cct.explore", "cct.check", "plots", "pictures.")


def paths():
    """The notebooks of the course."""
    return sorted(NOTEBOOKS.glob("[01]*.py"))


def code_cells(path):
    """The sources of a notebook's code cells, but for those of exercises."""
    cells = jupytext.read(path).cells
    return [c.source for c in cells if c.cell_type == "code" and "exercise" not in c.metadata.get("tags", [])]


def calls(statement, names):
    """Whether a statement is a bare call of something whose name begins with one of `names`."""
    call = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)
    return call and ast.unparse(statement.value.func).startswith(names)


def asserts(statement):
    """Whether a statement is an assert, or a call of numpy.testing."""
    return isinstance(statement, ast.Assert) or calls(statement, "np.testing.")


def mutants_of(cells):
    """(number of the cell, line in it, changed source) for every change of what an asserting cell computes."""
    for number, source in enumerate(cells):
        statements = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.stmt)]
        if not any(map(asserts, statements)):
            continue
        spared = [range(s.lineno, s.end_lineno + 1) for s in statements if asserts(s) or calls(s, SHOWING)]
        for line, changed in mutants.mutants_of(source):
            if not any(line in lines for lines in spared):
                yield number, line, changed


def run(path, cells):
    """Run the cells as one script, as if it stood at `path`."""
    os.chdir(path.parent)
    sys.path.insert(0, str(path.parent))
    names = {"__name__": "__main__", "__file__": str(path)}
    for number, source in enumerate(cells):
        exec(compile(source, f"{path.name}, code cell {number}", "exec"), names)


def dies(path, cells):
    """Whether a run of these cells ends in an error."""
    return mutants.fails_in_a_fork(lambda: run(path, cells), SECONDS)


def main():
    options = mutants.parser_of(__doc__, "01 02 ...; all notebooks without a number", SAMPLE).parse_args()
    os.environ["CCT_PROFILE"] = "quick"
    for path in paths():
        if options.names and path.stem[:2] not in options.names:
            continue
        cells = code_cells(path)
        if dies(path, cells):
            sys.exit(f"{path.name} fails without a change")
        possible = [
            (number, line, changed, mutants.change_of(ast.unparse(ast.parse(cells[number])), changed))
            for number, line, changed in mutants_of(cells)
        ]
        name = f"notebooks/{path.stem}"
        chosen, died = mutants.choose(possible, name, options)
        alive = []
        for number, line, changed, change in chosen:
            if not dies(path, [*cells[:number], changed, *cells[number + 1 :]]):
                alive.append(change)
                print(f"lives {path.name}, code cell {number}, line {line}: {change}", flush=True)
        mutants.write_down(name, options.seed, died + len(chosen) - len(alive), alive)


if __name__ == "__main__":
    main()

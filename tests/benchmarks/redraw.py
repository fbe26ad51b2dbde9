"""How long each moving picture takes to redraw: python -m tests.benchmarks.redraw [01 07 ...]

Prints a table and, where all notebooks were measured, writes it to tests/benchmarks/redraw.json. A redraw is what moves
in `cct.explore` for one step of a slider: the drawing function and the PNG. Both clocks are reported: processor time
does not depend on what else the machine does.
"""

import json
import os
import platform
import statistics
import sys
import time
from importlib.metadata import version
from pathlib import Path

os.environ["CCT_PROFILE"] = "quick"

from cct_helpers.plots import to_png
from cct_helpers.widgets import drawn
from tests.explorations import alone, explorations, extremes, notebooks_with_explorations

RECORD = Path(__file__).with_suffix(".json")
REPEATS = 3
LINE = "{:<44}{:>8}{:>9}{:>8}{:>9}"


def settings(exploration):
    """The still pictures, and from the first of them each control at both of its ends."""
    start = exploration.settings[0]
    ends = [{**start, name: value} for name, widget in exploration.widgets.items() for value in extremes(widget)]
    return exploration.settings + ends


def milliseconds(exploration):
    """(wall, processor) time of every redraw."""
    to_png(drawn(exploration.draw, exploration.settings[0]))  # fonts and the like are loaded once
    times = []
    for setting in settings(exploration) * REPEATS:
        wall, processor = time.perf_counter(), time.process_time()
        to_png(drawn(exploration.draw, setting))
        times.append((1000 * (time.perf_counter() - wall), 1000 * (time.process_time() - processor)))
    return times


def measured(path):
    """One row a moving picture of the notebook."""
    rows = []
    for number, exploration in enumerate(explorations(path), 1):
        wall, processor = zip(*milliseconds(exploration), strict=True)
        row = {"picture": f"{path.stem}, {number}", "redraws": len(wall)}
        row |= {"wall_ms": statistics.median(wall), "processor_ms": statistics.median(processor)}
        row |= {"processor_ms_95": statistics.quantiles(processor, n=20)[-1]}
        rows.append({name: round(value, 1) if isinstance(value, float) else value for name, value in row.items()})
    return rows


def main(chosen):
    rows = []
    print(LINE.format("picture", "redraws", "wall ms", "CPU ms", "CPU 95%"))
    for path in notebooks_with_explorations():
        if not chosen or path.stem[:2] in chosen:
            new = alone(measured, path)
            rows += new
            print("\n".join(LINE.format(*row.values()) for row in new), flush=True)
    if not chosen:
        packages = {name: version(name) for name in ("matplotlib", "numpy", "pillow")}
        machine = {"processor": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}
        RECORD.write_text(json.dumps({**machine, **packages, "rows": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])

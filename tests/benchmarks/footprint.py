"""What the course costs before it teaches: seconds of the import; seconds and memory of notebooks in the quick profile.

    python -m tests.benchmarks.footprint                 the import beyond that of Keras, and every notebook
    python -m tests.benchmarks.footprint 01 04 07        the import, and these notebooks

The result goes to notebooks/results/footprint.json, in place of older numbers of the same notebooks, and its sentence
to the README. Exit status 1 where a bound is passed: 1 s for the import, 2 GiB for a notebook. Memory is the peak
resident set of the notebook's own process, run as a script; it cannot be measured on Windows. Seconds are wall clock
and hold the import of TensorFlow: leave the machine to it.
"""

import datetime
import json
import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

from tests.benchmarks.legs import replace
from tests.benchmarks.scaling_runs import machine

ROOT = Path(__file__).resolve().parents[2]
RECORD = ROOT / "notebooks" / "results" / "footprint.json"
QUICK = {**os.environ, "CCT_PROFILE": "quick", "MPLBACKEND": "Agg"}
MOST_SECONDS, MOST_GIB = 1, 2
IMPORT = """
import os, time
os.environ.update({"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"})
import keras
keras.ops.zeros(1)  # what Keras loads at its first use is Keras's own
begin, begin_cpu = time.perf_counter(), time.process_time()
import cct_helpers
print(time.perf_counter() - begin, time.process_time() - begin_cpu)
"""
MEMORY = """
import resource, runpy, sys
runpy.run_path(sys.argv[1], run_name="__main__")
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(peak * (1 if sys.platform == "darwin" else 1024))
"""


def last_line(code, *arguments):
    """Run code in a fresh process; its last printed line, as numbers."""
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=QUICK, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return [float(word) for word in done.stdout.splitlines()[-1].split()]


def import_cost():
    """Wall and processor seconds of the import, medians of five fresh processes."""
    wall, cpu = zip(*(last_line(IMPORT) for _ in range(5)), strict=True)
    return {"seconds": round(statistics.median(wall), 2), "cpu_seconds": round(statistics.median(cpu), 2)}


def notebook_cost(path):
    """Wall seconds and peak GiB of one notebook."""
    begin = time.perf_counter()
    (peak,) = last_line(MEMORY, str(path))
    return {"seconds": round(time.perf_counter() - begin), "peak_gib": round(peak / 2**30, 2)}


def sentence(record):
    """What the README says."""
    seconds, gib = ([cost[key] for cost in record["notebooks"].values()] for key in ("seconds", "peak_gib"))
    return (
        f"In the quick profile each took {min(seconds)} to {max(seconds)} seconds on {record['machine']['cores']} CPU "
        f"cores, and at most {max(gib):.1f} GiB of memory ([record](notebooks/results/footprint.json))."
    )


def with_sentence(readme, record):
    """The README with the sentence made anew."""
    return re.sub(r"In the quick profile each took .*?footprint\.json\)\)\.", sentence(record), readme)


def main(numbers):
    paths = [path for path in sorted((ROOT / "notebooks").glob("[0-9]*.py")) if not numbers or path.name[:2] in numbers]
    costs = json.loads(RECORD.read_text(encoding="utf-8"))["notebooks"] if RECORD.exists() else {}
    record = {"command": "python -m tests.benchmarks.footprint", "machine": machine()}
    record |= {"date": datetime.date.today().isoformat(), "import": import_cost(), "notebooks": costs}
    print("import cct_helpers, beyond Keras:", record["import"])
    for path in paths:
        costs[path.stem] = notebook_cost(path)
        print(f"{path.stem}:", costs[path.stem], flush=True)
    replace(RECORD, json.dumps(record, indent=1) + "\n")
    readme = ROOT / "README.md"
    replace(readme, with_sentence(readme.read_text(encoding="utf-8"), record))
    sys.exit(record["import"]["seconds"] > MOST_SECONDS or any(cost["peak_gib"] > MOST_GIB for cost in costs.values()))


if __name__ == "__main__":
    main(sys.argv[1:])

"""What the course costs before it teaches: seconds of the import, and the memory of notebooks in the quick profile.

    python -m tests.benchmarks.footprint                 the import, beyond that of Keras: at most 1 s
    python -m tests.benchmarks.footprint 01 04 07        and the peak memory of these notebooks: at most 2 GB

Exit status 1 where a bound is passed. Memory is the peak resident set of the notebook's own process, run as a script;
it cannot be measured on Windows.
"""

import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
QUICK = {**os.environ, "CCT_PROFILE": "quick", "MPLBACKEND": "Agg"}
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


def main(numbers):
    runs = [last_line(IMPORT) for _ in range(5)]
    wall, cpu = (statistics.median(times) for times in zip(*runs, strict=True))
    print(f"import cct_helpers, beyond Keras: {wall:.2f} s, of it {cpu:.2f} s on the processor (median of 5)")
    within = wall <= 1
    for number in numbers:
        (path,) = (ROOT / "notebooks").glob(f"{number}_*.py")
        peak = last_line(MEMORY, str(path))[0] / 2**30
        print(f"{path.stem}: {peak:.2f} GiB at its peak", flush=True)
        within &= peak <= 2
    sys.exit(not within)


if __name__ == "__main__":
    main(sys.argv[1:])

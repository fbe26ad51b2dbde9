"""What all makers of records share: where records lie, what machine made them, and a write that is whole or not at all.

A record is a JSON file in notebooks/results; the prose of the notebooks quotes it. Importing this module puts the root
of the repository on the path, so that each script here runs as `python notebooks/scripts/NAME.py`.
"""

import json
import os
import platform
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "notebooks" / "results"
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))


def processor():
    """The name of the processor, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def machine(packages=("keras", "tensorflow", "jax", "numpy")):
    """Cores, processor, and the versions of Python and of those packages that are installed: a dict."""
    installed = {name: version(name) for name in packages if find_spec(name)}
    return {"cores": os.cpu_count(), "processor": processor(), "python": platform.python_version()} | installed


def write(path, record):
    """Replace the file of a record; where that fails, the old one stays."""
    temporary = path.with_name(path.name + ".part")
    temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    os.replace(temporary, path)

"""What the test suite costs, and each notebook in it: python -m tests.benchmarks.suite_cost

Runs the whole suite once (`pytest --junit-xml`), or reads the report of a run that is over, and writes the minutes by
test file and by notebook to notebooks/results/suite_cost.json.

    python -m tests.benchmarks.suite_cost -- -x tests/test_layers.py     # what follows -- goes to pytest
    python -m tests.benchmarks.suite_cost --report report.xml            # read a report; run nothing

A report comes from `python -m pytest --junit-xml=report.xml`. Minutes are wall clock, of the calls with their
fixtures; the time to collect the tests and to start is in the total alone.
"""

import argparse
import collections
import datetime
import json
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from tests.benchmarks.scaling_runs import machine

ROOT = Path(__file__).resolve().parents[2]
RECORD = ROOT / "notebooks" / "results" / "suite_cost.json"
SLOWEST = 15


def read_report(path):
    """The (file, test, seconds, outcome) of every test in a junit xml report, and the seconds of the whole run.

    Raises SystemExit where the file cannot be read as a report with tests.
    """
    try:
        root = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError) as error:
        raise SystemExit(f"{path} is no junit xml report ({error}). Make one: pytest --junit-xml=report.xml") from None
    tests = []
    for case in root.iter("testcase"):
        outcomes = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
        outcome = outcomes[0] if outcomes else "passed"
        tests.append((file_of(case.get("classname")), case.get("name"), float(case.get("time", 0)), outcome))
    if not tests:
        raise SystemExit(f"{path} has no tests. Make a report of a run: pytest --junit-xml=report.xml")
    return tests, sum(float(suite.get("time", 0)) for suite in root.iter("testsuite"))


def file_of(classname):
    """The file of a test, from pytest's dotted name: "tests.test_layers.TestPad" -> "tests/test_layers.py"."""
    notebook = re.match(r"(.+?)\.ipynb", classname)
    if notebook:
        return notebook[1].replace(".", "/") + ".ipynb"
    parts = classname.split(".")
    files = [number for number, part in enumerate(parts) if part.startswith("test_")]
    return "/".join(parts[: files[0] + 1]) + ".py" if files else classname


def minutes(seconds):
    """Item -> minutes to two digits, the dearest first."""
    return {item: round(value / 60, 2) for item, value in seconds.most_common()}


def cost(tests, total):
    """The record: minutes in all, by file and by notebook, and the slowest tests."""
    files, notebooks, outcomes = (collections.Counter() for _ in range(3))
    for file, _, seconds, outcome in tests:
        outcomes[outcome] += 1
        (notebooks if file.endswith(".ipynb") else files)[file] += seconds  # nbval: one test a cell
    slowest = sorted(tests, key=lambda test: -test[2])[:SLOWEST]
    return {
        "minutes": round(total / 60, 2),
        "tests": dict(outcomes),
        "minutes_by_file": minutes(files),
        "minutes_by_notebook": minutes(notebooks),
        "slowest": [{"test": f"{file}::{name}", "seconds": round(seconds, 1)} for file, name, seconds, _ in slowest],
    }


def table(record):
    """The record, in lines to read."""
    lines = [f"{record['minutes']:8.2f} minutes in all, {record['tests']}"]
    for heading, key in (("test file", "minutes_by_file"), ("notebook", "minutes_by_notebook")):
        lines += ["", f" minutes {heading}", *(f"{value:8.2f} {item}" for item, value in record[key].items())]
    lines += ["", " seconds slowest tests", *(f"{test['seconds']:8.1f} {test['test']}" for test in record["slowest"])]
    return "\n".join(lines)


def run_suite(arguments, folder):
    """Run pytest and return the path of its report. Failing tests are counted, not hidden: pytest prints them."""
    report = Path(folder) / "report.xml"
    command = [sys.executable, "-m", "pytest", f"--junit-xml={report}", *arguments]
    status = subprocess.run(command, cwd=ROOT).returncode
    if status not in (0, 1):
        raise SystemExit(f"pytest ended with status {status}: no cost to write.")
    return report


def main():
    """Run or read, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--report", type=Path, help="a junit xml report to read instead of running the suite")
    parser.add_argument("--record", type=Path, default=RECORD, help="where to write the result")
    parser.add_argument("--note", help="what else the machine did, for the record")
    parser.add_argument("pytest", nargs="*", help="arguments for pytest, after --")
    wanted = parser.parse_args()
    if wanted.report and wanted.pytest:
        parser.error("--report reads a run that is over: nothing goes to pytest")
    load = round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None
    with tempfile.TemporaryDirectory() as folder:
        tests, total = read_report(wanted.report or run_suite(wanted.pytest, folder))
    record = {"command": "python -m tests.benchmarks.suite_cost", "machine": machine()}
    record |= {"date": datetime.date.today().isoformat(), "note": wanted.note}
    record |= {"load_before": None if wanted.report else load} | cost(tests, total)
    wanted.record.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(table(record))


if __name__ == "__main__":
    main()

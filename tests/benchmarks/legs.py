"""What became of each leg of the tests: python -m tests.benchmarks.legs LEG REPORT

REPORT is a junit xml report (`pytest --junit-xml=REPORT`), made by the same interpreter. Its result goes to
notebooks/results/legs.json, in place of an older one of that leg, and the README's table of versions is made anew.
noxfile.py calls this after each leg. Exit status 1 where a test failed. Without arguments it only makes the table.
"""

import argparse
import collections
import datetime
import importlib.metadata
import json
import os
import pathlib
import platform
import re

from tests.benchmarks.suite_cost import read_report

ROOT = pathlib.Path(__file__).resolve().parents[2]
RECORD = ROOT / "notebooks/results/legs.json"
START, END = "<!-- legs: made by tests/benchmarks/legs.py -->", "<!-- end of legs -->"
BAD = {"failure": "failed", "error": "with an error"}
PACKAGES = ("keras", "numpy", "matplotlib", "ipywidgets")


def versions(backend):
    """Package -> version in this interpreter, that of the backend first."""
    return {name: importlib.metadata.version(name) for name in (backend, *PACKAGES)}


def entry(leg, report, what, backend):
    """The result of one leg."""
    tests, seconds = read_report(report)
    return {
        "leg": leg,
        "what": what,
        "date": datetime.date.today().isoformat(),
        "python": platform.python_version(),
        "system": platform.system(),
        "versions": versions(backend),
        "tests": dict(collections.Counter(outcome for *_, outcome in tests)),
        "minutes": round(seconds / 60, 1),
    }


def row(result):
    """A line of the README's table."""
    found = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    counts = {**BAD, "skipped": "skipped"}
    bad = [f"{result['tests'][kind]:,} {words}" for kind, words in counts.items() if result["tests"].get(kind)]
    outcome = ", ".join([f"{result['tests'].get('passed', 0):,} passed", *bad])
    where = f"Python {result['python']}, {found}"
    return (
        f"| {result['leg']} | {where} | {result['what']} | {outcome} | {result['minutes']:.0f} min, {result['date']} |"
    )


def table(record):
    """The block between the two marks of the README."""
    rows = ["| leg | versions | tests | result | took |", "|---|---|---|---|---|", *map(row, record["legs"])]
    return "\n".join([START, *rows, END])


def with_table(readme, record):
    """The README with the block between its marks made anew."""
    return re.sub(r"<!-- legs: .*?<!-- end of legs -->", lambda _: table(record), readme, flags=re.DOTALL)


def add(record, result):
    """The record with the result of a leg, in place of an older one of the same leg."""
    others = [other for other in record["legs"] if other["leg"] != result["leg"]]
    return {**record, "legs": sorted([*others, result], key=lambda each: each["leg"])}


def replace(path, text):
    temporary = path.with_name(path.name + ".part")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("leg", nargs="?")
    parser.add_argument("report", nargs="?", type=pathlib.Path)
    parser.add_argument("--what", default="all", help="which tests were run, in words")
    wanted = parser.parse_args()
    if wanted.leg and not wanted.report:
        parser.error("a leg comes with its report: python -m tests.benchmarks.legs LEG REPORT")
    record = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {"legs": []}
    if wanted.leg:
        result = entry(wanted.leg, wanted.report, wanted.what, os.environ.get("KERAS_BACKEND", "tensorflow"))
        record = add(record, result)
        replace(RECORD, json.dumps(record, indent=1) + "\n")
    readme = ROOT / "README.md"
    replace(readme, with_table(readme.read_text(encoding="utf-8"), record))
    print(table(record))
    if wanted.leg and set(result["tests"]) & set(BAD):
        raise SystemExit(f"{wanted.leg}: {row(result)}")


if __name__ == "__main__":
    main()

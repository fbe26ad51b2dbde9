"""What is solved, for teachers: `python -m cct_helpers.exercises report`."""

import argparse
import glob
import json
import sys
from pathlib import Path

from cct_helpers.exercises import all_exercises, record

USAGE = """\
A learner hands in a file:    report --name Ada --json ada.json
A teacher collects the files: report hand-ins/*.json --json class.json
Without files the report is of this machine's own record. It holds exercises and, if given, a name; nothing else.
"""


def report(entries, name=""):
    """The states of all exercises of one learner, as a dictionary that JSON can hold."""
    states = {each: entries.get(each, {}).get("state", "not begun") for each in all_exercises()}
    counts = {state: sum(one == state for one in states.values()) for state in record.STATES}
    return {"name": name, **counts, "exercises": states}


def read_hand_in(path):
    """The report of each learner in a file that was handed in, or a learner's own record."""
    text = Path(path).read_text(encoding="utf-8")
    try:
        data = json.loads(text)
        if isinstance(data, dict) and "learners" in data:
            return [_known(learner, path) for learner in data["learners"]]
        return [report(record.parse(text), Path(path).stem)]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise SystemExit(f"{path} is no report and no record of solved exercises: {error}") from None


def _known(learner, path):
    entries = {each: {"state": state} for each, state in learner["exercises"].items()}
    return report(entries, learner["name"] or Path(path).stem)


def table(learners):
    """One line a learner: solved of all, notebook by notebook; with help in brackets."""
    exercises = all_exercises()
    numbers = sorted({exercise.notebook for exercise in exercises.values()})
    width = max([len("learner"), *(len(learner["name"]) for learner in learners)])
    lines = [f"{'learner':{width}}  {'all':>7} " + "".join(f"{number:>8}" for number in numbers)]
    for learner in learners:
        cells = []
        for number in [None, *numbers]:
            states = [
                state
                for name, state in learner["exercises"].items()
                if number is None or exercises[name].notebook == number
            ]
            helped = sum(state == "solved with help" for state in states)
            done = helped + sum(state == "solved" for state in states)
            cells.append(f"{done}/{len(states)}{f' ({helped})' if helped else ''}")
        lines.append(f"{learner['name']:{width}}  {cells[0]:>7} " + "".join(f"{cell:>8}" for cell in cells[1:]))
    return "\n".join([*lines, "solved / exercises, of all and of each notebook; (solved with help)"])


def main(arguments):
    """Read the command line; 0 when all went well."""
    parser = argparse.ArgumentParser(
        prog="python -m cct_helpers.exercises", epilog=USAGE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=["report"])
    parser.add_argument("files", nargs="*", help="reports or records that were handed in")
    parser.add_argument("--name", default="", help="the learner's name, for the report of this machine's record")
    parser.add_argument("--json", metavar="FILE", help="write the report to this file as well")
    options = parser.parse_args(arguments)
    files = [one for path in options.files for one in sorted(glob.glob(path)) or [path]]  # no shell of Windows reads *
    missing = [path for path in files if not Path(path).is_file()]
    if missing:
        raise SystemExit(f"No such file: {', '.join(missing)}")
    learners = [learner for path in files for learner in read_hand_in(path)]
    learners = learners or [report(record.read(), options.name)]
    print(table(learners))
    if options.json:
        text = json.dumps({"version": record.VERSION, "learners": learners}, indent=1, ensure_ascii=False)
        Path(options.json).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])

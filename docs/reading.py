"""How long a part of a notebook takes, by one rule: 200 words a minute, 15 s a line of code, 1 minute a prediction."""

import re
import sys
from pathlib import Path

import nbformat

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "notebooks"))

from lint import lines_to_read, ways_through  # noqa: E402

WORDS_A_MINUTE, LINES_A_MINUTE, MINUTES_A_PREDICTION = 200, 4, 1
SECTION = re.compile(r"^(?=#{1,3} )", re.MULTILINE)
NO_WORDS = re.compile(r"```.*?```|\$\$.*?\$\$|\]\([^)]*\)|<!--.*?-->", re.DOTALL)
STRETCH = re.compile(r"from \*([^*]+)\* to \*([^*]+)\*, about (\d+)")
EXERCISE = re.compile(r"^### Exercise: [^\n]+\n+\*(?:[^*\n]*?, )?(\d+) minutes\.\*", re.MULTILINE)


def sections(path):
    """{title: minutes} of every heading of a notebook, in order; stubs of exercises and the setup cell are not read."""
    minutes = {}
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            if minutes and not {"setup", "exercise"} & set(cell.metadata.get("tags", [])):
                minutes[next(reversed(minutes))] += lines_to_read(cell.source) / LINES_A_MINUTE
            continue
        for part in SECTION.split(cell.source):
            if title := re.match(r"#{1,3} +([^\n]+)", part):
                minutes.setdefault(title[1], 0)
            if minutes:
                words = len(NO_WORDS.sub(" ", part).split())
                asked = part.count("**Predict:**") * MINUTES_A_PREDICTION
                minutes[next(reversed(minutes))] += words / WORDS_A_MINUTE + asked
    return minutes


def minutes_from(path, first, last):
    """Minutes from the section `first` to the end of the section `last`.

    Raises:
        ValueError: if the notebook has no section with one of these titles, or has them in the other order.
    """
    minutes = sections(path)
    titles = list(minutes)
    if missing := [title for title in (first, last) if title not in minutes]:
        raise ValueError(f"{path.name} has no section '{missing[0]}'. It has: {'; '.join(titles)}")
    start, end = titles.index(first), titles.index(last)
    if start > end:
        raise ValueError(
            f"{path.name} has the section '{last}' before '{first}': name them in the order of the notebook"
        )
    return sum(minutes[title] for title in titles[start : end + 1])


def way_through(path):
    """(first section, last section, minutes said) of each stretch that the paragraph *Which way through?* names."""
    said = "\n".join(ways_through(nbformat.read(path, as_version=4)))
    return [(first, last, int(minutes)) for first, last, minutes in STRETCH.findall(said)]


def exercise_times(path):
    """The minutes that a notebook names for each of its exercises."""
    cells = nbformat.read(path, as_version=4).cells
    return [int(found) for cell in cells if cell.cell_type == "markdown" for found in EXERCISE.findall(cell.source)]

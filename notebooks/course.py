"""The list of the course, from one place: the first cell of each notebook, which gives its title and its question.

make.py writes from it the link to the next notebook, the map in notebook 00 and the table in the README.
"""

import re
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).resolve().parent
LAST_OF_THE_CORE = "08"
FIRST_LINES = re.compile(r"^# # (\d+)\. ([^\n:]+)\n#\n# \*([A-Z][^\n]+\?)\*\n", re.MULTILINE)
MAP_BEGIN, MAP_END = "<!-- map: written by notebooks/make.py -->", "<!-- end of map -->"
HEAD = ["| notebook | the question it answers |", "|---|---|"]


class Entry(NamedTuple):
    """One notebook in the list: "04", "04_stochastic_depth", "Stochastic depth", "Why drop whole branches?"."""

    number: str
    name: str
    title: str
    question: str

    def link(self, folder=""):
        """A link to it in Markdown."""
        return f"[{self.number} {self.title}]({folder}{self.name}.ipynb)"


def entries(folder=FOLDER) -> list[Entry]:
    """Every notebook in `folder` whose first cell has title and question, in the order of the course."""
    found = [
        (path, FIRST_LINES.search(path.read_text(encoding="utf-8")))
        for path in folder.glob("[0-9][0-9]_*.py")
    ]
    return sorted(Entry(path.name[:2], path.stem, first[2], first[3]) for path, first in found if first)


def rows(chosen, folder="") -> list[str]:
    """A table in Markdown, a row a notebook."""
    return HEAD + [f"| {entry.link(folder)} | {entry.question} |" for entry in chosen]


def map_of_the_course(folder=FOLDER) -> list[str]:
    """The lines of the map in notebook 00, between its two marks: the core, then the others."""
    listed = [entry for entry in entries(folder) if entry.number != "00"]
    core = [entry for entry in listed if entry.number <= LAST_OF_THE_CORE]
    others = [entry for entry in listed if entry.number > LAST_OF_THE_CORE]
    lines = [
        MAP_BEGIN,
        "",
        *rows(core),
        "",
        "Read these in order. Take of the others what you need:",
        "",
    ]
    return [*lines, *rows(others), "", MAP_END]


def last_line(name: str, folder=FOLDER) -> str:
    """How the notebook with this name ends: with a link to the next and its question."""
    later = [entry for entry in entries(folder) if entry.name > name]
    return (
        f"Next: {later[0].link()}. {later[0].question}"
        if later
        else "This is the last notebook of the course."
    )

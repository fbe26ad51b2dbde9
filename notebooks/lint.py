"""What a notebook of this course must look like: one small function a rule.

Each rule takes a notebook and its path and returns its complaints in words, none if all is well.
``make.py`` prints them after it has made a notebook, the tests want none.
"""

import re
from pathlib import Path

import nbformat
from nbformat import NotebookNode

FOLDER = Path(__file__).resolve().parent
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
MAX_BYTES = 1_000_000
MAX_CELL_LINES = 20
MAX_CODE_LINES = 350
MAX_LINE = 104  # characters that JupyterLab shows beside its list of files, 1280 pixels wide
HOME_PATH = re.compile(r"(?<![\w.:/])/(?:home|root|work|Users)/|\b[A-Z]:\\(?:Users|[a-z]{2,}\\)")
TEMPORARY_PATH = re.compile(r"(?<![\w.:/])/(?:tmp|var/folders)/")
TRAP = re.compile(r"^> \*\*Trap: (.+?)\*\*(?=\s|$)", re.MULTILINE | re.DOTALL)
SECOND_READING = "For a second reading"  # the heading over what can be skipped at first
WAY_THROUGH = re.compile(r"^\*\*Which way through\?\*\*(.+?)(?=\n\n|\Z)", re.MULTILINE | re.DOTALL)
CHECK = re.compile(r"^cct\.check\(\"(\w+)\", \w+\)$", re.MULTILINE)
WRITTEN = re.compile(r"(?<![\w.,])(\d{1,3}(?:,\d{3})+|\d+)(\.\d+)?(?!\d)\s*(%|k\b|M\b)?")
ALT_TEXT = re.compile(r'(\balt ?= ?)f?"""[^"]*"""')
IN_CODE = re.compile(r"(?<![\w.])(?:\d[\d_]*\.?\d*|\.\d+)(?:e[-+]?\d+)?")
LINK = re.compile(r"\]\(([^)\s]+)[^)]*\)|<(?:img|a)\b[^>]*?(?:src|href)=[\"']([^\"']+)[\"']")


def sources(folder: Path = FOLDER) -> list[Path]:
    """The .py halves of all notebooks, in the order of the course, then those of their solutions."""
    return sorted(folder.glob("[0-9][0-9]_*.py")) + sorted(folder.glob("solutions/[0-9][0-9]_*.py"))


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """The code cells, in order."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def lines_to_read(source: str) -> int:
    """How many lines of code there are to read: not the empty ones, nor brackets that close, nor alternative texts."""
    lines = (line.strip() for line in ALT_TEXT.sub(r"\1''", source).splitlines())
    return sum(bool(line) and not re.fullmatch(r"[])}]+,?", line) for line in lines)


def headings(notebook: NotebookNode) -> list[tuple[int, int, str]]:
    """(cell, level, title) of every markdown heading; cells count from 1."""
    found = []
    for number, cell in enumerate(notebook.cells, 1):
        if cell.cell_type == "markdown":
            prose = re.sub(r"^```.*?^```", "", cell.source, flags=re.MULTILINE | re.DOTALL)
            found += [
                (number, len(marks), title)
                for marks, title in re.findall(r"^(#+) +(.+)$", prose, re.MULTILINE)
            ]
    return found


def output_text(output: NotebookNode) -> str:
    """Everything readable in an output: its stream, its traceback, or its textual representations."""
    texts = [value for kind, value in output.get("data", {}).items() if kind.startswith("text/")]
    return "\n".join([output.get("text", ""), *texts, *output.get("traceback", [])])


def tagged(cell: NotebookNode, tag: str) -> bool:
    """Whether a code cell has this tag."""
    return cell.cell_type == "code" and tag in cell.metadata.get("tags", [])


def traps(notebook: NotebookNode) -> list[tuple[int, str, int | None]]:
    """(box, title, code) of every trap: the cell with its box, and the one tagged 'trap' after or before it."""
    found = []
    for box, cell in enumerate(notebook.cells):
        for title in TRAP.findall(cell.source if cell.cell_type == "markdown" else ""):
            beside = [near for near in (box + 1, box - 1) if near < len(notebook.cells)]
            code = next((near for near in beside if tagged(notebook.cells[near], "trap")), None)
            found.append((box, title.replace("\n> ", " ").rstrip("."), code))
    return found


def exercises(notebook: NotebookNode, tag: str = "exercise") -> list[tuple[int, str]]:
    """(cell, name) of every cell with this tag, "exercise" or "solution", that marks an answer with `cct.check`."""
    cells = enumerate(notebook.cells)
    return [
        (number, name)
        for number, cell in cells
        if tagged(cell, tag)
        for name in CHECK.findall(cell.source)
    ]


def first_cell(notebook: NotebookNode, path: Path) -> list[str]:
    """The first cell has title, question, promise, the minutes to read and to run, and the badge of this notebook."""
    if not notebook.cells or notebook.cells[0].cell_type != "markdown":
        return ["the first cell must be markdown, with title, question, promise, minutes and badge"]
    text = notebook.cells[0].source
    solutions = path.parent.name == "solutions"
    place = path.relative_to(path.parents[2 if solutions else 1]).as_posix()
    rest = [line for line in text.splitlines()[1:] if line.strip()]
    question, promise = ("*?*", rest[:1]) if solutions else ("".join(rest[:1]), rest[1:2])
    wanted = {
        f"start with its number and a title without a colon, '# {int(path.name[:2])}. Title'": solutions
        or re.match(rf"# {int(path.name[:2])}\. [^\n:]+\n", text),
        "ask its question in italics in the line below the title, '*Why ...?*'": re.fullmatch(
            r"\*.*\?\*", question
        ),
        "promise something in a sentence below": promise and re.match(r"[A-Z*_`\"]", promise[0]),
        "say the minutes to read": re.search(r"\d+\s+min\w*\s+to read", text),
        "say the minutes to run ('1 minute to run')": re.search(r"\bto run\b", text),
        f"have an Open-in-Colab badge that ends with blob/main/{place}": f"/blob/main/{place})" in text,
    }
    return [f"cell 1 must {what}" for what, there in wanted.items() if not there]


def setup_first(notebook: NotebookNode, path: Path) -> list[str]:
    """The setup cell is the first code cell, folded, and the only one with that tag."""
    cells = code_cells(notebook)
    marked = [tagged(cell, "setup") for cell in cells]
    if marked[:1] != [True] or sum(marked) != 1:
        return ["the first code cell, and no other, must have the tag 'setup'"]
    folded = cells[0].metadata.get("jupyter", {}).get("source_hidden")
    return (
        []
        if folded
        else ["the setup cell must be folded in JupyterLab: jupyter.source_hidden in its metadata"]
    )


def one_title(notebook: NotebookNode, path: Path) -> list[str]:
    """One heading of level 1."""
    titles = [title for _, level, title in headings(notebook) if level == 1]
    return [] if len(titles) == 1 else [f"one heading of level 1 is wanted, found {titles}"]


def recap_at_the_end(notebook: NotebookNode, path: Path) -> list[str]:
    """A heading 'Recap', and no code after it."""
    recaps = [number for number, _, title in headings(notebook) if title.startswith("Recap")]
    if not recaps:
        return ["a heading 'Recap' is wanted at the end"]
    late = [
        number
        for number, cell in enumerate(notebook.cells, 1)
        if cell.cell_type == "code" and number > recaps[-1]
    ]
    return [f"cell {number} is code after the recap" for number in late]


def traps_are_complete(notebook: NotebookNode, path: Path) -> list[str]:
    """A trap has code that asserts its symptom, a question, and a way to catch it."""
    found, cells, codes = [], notebook.cells, []
    for box, title, code in traps(notebook):
        if code is None or code in codes:
            found.append(
                f"cell {box + 1}: the trap '{title}' needs a code cell of its own beside it, tagged 'trap'"
            )
            continue
        codes.append(code)
        after = next((n for n in range(code, len(cells)) if cells[n].cell_type == "markdown"), code)
        shown = "\n".join(cell.source for cell in cells[code:after])
        asked = cells[box].source + (
            cells[code - 1].source if cells[code - 1].cell_type == "markdown" else ""
        )
        wanted = {
            "an assert in its code": bool(re.search(r"\bassert |\bAssertionError\b", shown)),
            "a question": "?" in asked,
            "'**To catch it:**' and how": "**To catch it:**" in cells[box].source + cells[after].source,
        }
        found += [
            f"cell {box + 1}: the trap '{title}' needs {what}"
            for what, there in wanted.items()
            if not there
        ]
    stray = [n for n, cell in enumerate(cells) if tagged(cell, "trap") and n not in codes]
    return found + [
        f"cell {n + 1} is tagged 'trap' and has no box '> **Trap: ...**' beside it" for n in stray
    ]


def exercises_are_complete(notebook: NotebookNode, path: Path) -> list[str]:
    """An exercise has a heading and a text, then one cell with stub or solution and its check, tagged so."""
    tag, heading = (
        ("solution", "## ") if path.parent.name == "solutions" else ("exercise", "### Exercise: ")
    )
    known, found = {number for number, _ in exercises(notebook, tag)}, []
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "code" and "cct.check(" in cell.source:
            if number not in known or cell.source.count("cct.check(") != 1:
                found.append(
                    f"cell {number + 1} must have the tag '{tag}' and one line cct.check(\"name\", answer)"
                )
            if not notebook.cells[number - 1].source.startswith(heading):
                found.append(
                    f"cell {number + 1} is an exercise: the cell before it must start with '{heading}'"
                )
    return found


def ways_through(notebook: NotebookNode) -> list[str]:
    """What each paragraph '**Which way through?**' says, on one line."""
    return [
        " ".join(text.split()) for cell in notebook.cells for text in WAY_THROUGH.findall(cell.source)
    ]


def second_reading_is_named(notebook: NotebookNode, path: Path) -> list[str]:
    """What can be skipped stands under one heading before the exercises; one paragraph at the top names it."""
    titles = [title for _, _, title in headings(notebook)]
    named = ways_through(notebook)
    if SECOND_READING not in titles and not named:
        return []
    found = []
    if len(named) != 1:
        found.append(f"one paragraph '**Which way through?** ...' is wanted, found {len(named)}")
    order = [title for title in titles if title in (SECOND_READING, "Exercises")]
    if order not in ([SECOND_READING, "Exercises"], ["Exercises"]):
        found.append(
            f"one '## {SECOND_READING}' is wanted, before '## Exercises', found the order {order}"
        )
    plain = [re.sub(r"[*_]", "", title) for title in titles]
    parts = re.findall(r"(?<!\*)\*([^*]+)\*(?!\*)", "\n".join(named))
    missing = [part for part in parts if re.sub(r"[*_]", "", part) not in plain]
    return found + [f"'**Which way through?**' names '{part}', which is no heading" for part in missing]


def lengths(notebook: NotebookNode, path: Path) -> list[str]:
    """Short code cells and lines, not too much code, a file that opens quickly."""
    found, total = [], 0
    for number, cell in enumerate(notebook.cells, 1):
        lines = lines_to_read(cell.source) if cell.cell_type == "code" else 0
        total += 0 if tagged(cell, "exercise") else lines  # stubs are the learner's own
        if cell.cell_type == "code" and not lines:
            found.append(f"cell {number} is empty")
        if lines > MAX_CELL_LINES:
            found.append(
                f"cell {number} has {lines} lines of code, at most {MAX_CELL_LINES} are wanted"
            )
        longest = max(map(len, cell.source.splitlines()), default=0) if cell.cell_type == "code" else 0
        if longest > MAX_LINE:
            found.append(
                f"cell {number} has a line of {longest} characters, at most {MAX_LINE} fit on a laptop"
            )
    if total > MAX_CODE_LINES:
        found.append(f"{total} lines of code, at most {MAX_CODE_LINES} are wanted")
    if (size := len(nbformat.writes(notebook).encode())) > MAX_BYTES:
        found.append(f"{size} bytes, at most {MAX_BYTES} are wanted: draw smaller or fewer pictures")
    return found


def run_in_order(notebook: NotebookNode, path: Path) -> list[str]:
    """Every code cell was run, once, from top to bottom, and outputs were kept."""
    cells = code_cells(notebook)
    counts = [cell.execution_count for cell in cells]
    if counts != list(range(1, len(cells) + 1)):
        return [f"code cells were not run in order from top to bottom: {counts}"]
    return [] if any(cell.outputs for cell in cells) else ["no outputs are stored"]


def clean_outputs(notebook: NotebookNode, path: Path) -> list[str]:
    """No error, no warning, no memory address, no widget that a page cannot show."""
    found = []
    for number, cell in enumerate(notebook.cells, 1):
        for output in cell.get("outputs", []):
            text = output_text(output)
            if output.output_type == "error":
                found.append(f"cell {number} raised {output.ename}: {output.evalue}")
            if output.get("name") == "stderr":
                found.append(f"cell {number} wrote a warning: {text.strip()[:500]}")
            if re.search(r"\b0x[0-9a-f]{8,}", text):
                found.append(
                    f"cell {number} shows a memory address, which changes with every run: {text.strip()[:100]}"
                )
            if WIDGET_VIEW in output.get("data", {}):
                found.append(f"cell {number} stores a live widget, which shows nothing on a page")
    return found


def no_widget_state(notebook: NotebookNode, path: Path) -> list[str]:
    """No stored widget state: with it GitHub may refuse to show the notebook."""
    return ["metadata.widgets must not be stored"] if "widgets" in notebook.metadata else []


def no_absolute_paths(notebook: NotebookNode, path: Path) -> list[str]:
    """No path of the author's machine, in sources or outputs."""
    found = []
    for number, cell in enumerate(notebook.cells, 1):
        for text in [cell.source, *map(output_text, cell.get("outputs", []))]:
            hits = [*HOME_PATH.finditer(text), *TEMPORARY_PATH.finditer(text)]
            found += [f"cell {number} has the absolute path {hit[0]}..." for hit in hits]
    return found


def links_exist(notebook: NotebookNode, path: Path) -> list[str]:
    """Every link to a file of the repository, picture or notebook, leads somewhere; every picture has alt text."""
    found = []
    for number, cell in enumerate(notebook.cells, 1):
        if cell.cell_type != "markdown":
            continue
        for target in ["".join(pair).split("#")[0] for pair in LINK.findall(cell.source)]:
            if target and not re.match(r"[a-z]+:", target) and not (path.parent / target).exists():
                found.append(f"cell {number} links to {target}, which does not exist")
        if "![](" in cell.source or re.search(r"<img(?![^>]*\balt=[\"'][^\"'])", cell.source):
            found.append(f"cell {number} has a picture without alt text")
    return found


def numbers_stand_in_code(notebook: NotebookNode, path: Path) -> list[str]:
    """Every number in bold or in a table stands in the code as well, where an assert can hold it, or beside a source.

    Beside a source is what stands in a row of a table with a link, or in a table with one in its first row. Free are
    whole numbers below 100, years, and what is set as code or as a formula.
    """
    if path.parent.name == "solutions":
        return []
    values = {
        float(number.replace("_", ""))
        for cell in code_cells(notebook)
        for number in IN_CODE.findall(cell.source)
    }
    written = []  # (number of the cell, a row or words in bold)
    for number, cell in enumerate(notebook.cells, 1):
        if cell.cell_type != "markdown":
            continue
        for table in re.findall(r"(?:^\|.*\n?)+", cell.source, re.MULTILINE):
            first, *rows = table.splitlines()
            linked = [row for row in rows if "](http" in first + row]
            values |= {
                float(one[0].replace(",", "") + one[1])
                for row in linked
                for one in WRITTEN.findall(plain(row))
            }
            written += [(number, row) for row in rows if row not in linked]
        written += [(number, words) for words in re.findall(r"\*\*([^*|]+)\*\*", cell.source)]
    found = []
    for number, text in written:
        for whole, part, unit in WRITTEN.findall(plain(text)):
            value = float(whole.replace(",", "") + part)
            free = not part and (value < 100 or 1900 <= value <= 2100)
            scales = {"%": (1, 0.01), "k": (1, 1e3), "M": (1, 1e6)}.get(unit, (1, 0.01))
            if not free and not any(
                abs(value * scale - one) <= 1e-9 * one for scale in scales for one in values
            ):
                found.append(
                    f"cell {number}: {whole}{part} stands in no code of this notebook: assert it"
                )
    return found


def plain(text: str) -> str:
    """Markdown without code, formulas and the addresses of links."""
    return re.sub(r"`[^`]*`|\$[^$]*\$|\]\([^)]*\)", "", text)


def well_formed(notebook: NotebookNode, path: Path) -> list[str]:
    """A valid notebook for the kernel python3, with no version of Python in it."""
    found = []
    try:
        nbformat.validate(notebook)
    except nbformat.ValidationError as error:
        found.append(f"not a valid notebook: {error.message}")
    if notebook.metadata.get("kernelspec", {}).get("name") != "python3":
        found.append("the kernel must be python3")
    if "version" in notebook.metadata.get("language_info", {}):
        found.append("metadata.language_info must not name a version of Python")
    return found


RULES = [
    first_cell,
    setup_first,
    one_title,
    recap_at_the_end,
    traps_are_complete,
    exercises_are_complete,
    second_reading_is_named,
    lengths,
    run_in_order,
    clean_outputs,
    no_widget_state,
    no_absolute_paths,
    links_exist,
    numbers_stand_in_code,
    well_formed,
]


def complaints(notebook: NotebookNode, path: Path) -> list[str]:
    """All complaints of all rules."""
    return [complaint for rule in RULES for complaint in rule(notebook, path)]


def pair(source: NotebookNode, made: NotebookNode) -> list[str]:
    """Where the .ipynb differs from its .py in cell types, sources or tags."""

    def summary(notebook: NotebookNode) -> list[tuple]:
        return [(cell.cell_type, cell.source, cell.metadata.get("tags", [])) for cell in notebook.cells]

    ours, theirs = summary(source), summary(made)
    different = [n for n, (one, other) in enumerate(zip(ours, theirs, strict=False), 1) if one != other]
    if len(ours) != len(theirs):
        different.append(min(len(ours), len(theirs)) + 1)
    return [f".py and .ipynb differ from cell {different[0]} on: run make.py"] if different else []

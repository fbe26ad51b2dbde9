"""Slides of the core, 00 to 08, from the notebooks as they are committed: nothing is run, nothing is fetched.

    python docs/slides.py            all nine, into docs/_build/slides
    python docs/slides.py 03 05      only these

A section of a notebook becomes a slide with its first paragraph and its questions to predict. Below it follow its
pictures and its traps. After a trap's box comes the code that shows it: the cell tagged "trap" beside it, whichever
stands first in the notebook. Cells tagged "setup" or "exercise" are left out. Open a file in a browser; the arrows turn
the page, Escape shows all of them.
"""

import argparse
import html
import itertools
import re
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "notebooks"))

import build
import nbformat
import sphinx_revealjs
from formulas import with_mathml
from lint import traps
from nbconvert import SlidesExporter

OUTPUT = build.DOCS / "_build" / "slides"
REVEAL = Path(sphinx_revealjs.__file__).parent / "_static" / "revealjs"
SKIPPED = re.compile(r"^#+ (Exercise|Where you stand|More to try)", re.MULTILINE)
TO_READ = re.compile(r"\*\*(The )?differences? from|Next:", re.IGNORECASE)  # the recap ends here on a slide


def plain(text):
    """Markdown whose links to other files are words, as slides stand alone."""
    text = re.sub(r"(?<!!)\[([^\]]+)\]\((?![a-z]+:)[^)]*\)", r"\1", build.BADGE.sub("", text))
    return re.sub(r"!\[[^\]]*\]\([^)]*\)", "", text)


def slide(text, kind):
    cell = nbformat.v4.new_markdown_cell(with_mathml(plain(text)))
    cell.metadata["slideshow"] = {"slide_type": kind}
    return cell


def picture(output):
    """The output as HTML that carries its alternative text; None if it is no picture."""
    data = output.get("data", {})
    if build.PNG_IN_HTML.match(data.get("text/html", "")):
        return data["text/html"]
    if "image/png" in data:
        alt = html.escape(output.metadata.get("image/png", {}).get("alt", ""))
        return f'<img alt="{alt}" src="data:image/png;base64,{data["image/png"].strip()}">'
    return None


def code_of_traps(notebook):
    """{cell: text of a slide}: the name and the code of each trap, by the later of its two cells, box and code."""
    return {
        max(box, code): f"**Trap: {title}.**\n\n```python\n{notebook.cells[code].source}\n```"
        for box, title, code in traps(notebook)
        if code is not None
    }


def slides_of(notebook):
    """The slides of a notebook, as cells for nbconvert."""
    cells, codes = [slide(notebook.cells[0].source, "slide")], code_of_traps(notebook)
    for number, cell in enumerate(notebook.cells[1:], 1):
        if cell.cell_type == "code":
            hidden = {"setup", "exercise"} & set(cell.metadata.get("tags", []))
            shown = [codes[number]] if number in codes else []
            shown += [] if hidden else filter(None, map(picture, cell.outputs))
            cells += [slide(each, "subslide") for each in shown]
            continue
        for section in re.split(r"^(?=#+ )", cell.source, flags=re.MULTILINE):
            if SKIPPED.match(section) or not section.strip():
                continue
            paragraphs = [part.strip() for part in section.split("\n\n") if part.strip()]
            boxes = [part for part in paragraphs if part.startswith("> **Trap:")]
            heading = paragraphs[0].startswith("#")
            wanted = paragraphs[:2] if heading else []
            asked = [part for part in paragraphs if part.startswith("**Predict:**") or part in boxes]
            wanted += [part for part in asked if part not in wanted]
            if "Recap" in paragraphs[0]:
                wanted = list(itertools.takewhile(lambda part: not TO_READ.match(part), paragraphs))
            if wanted:
                cells.append(slide("\n\n".join(wanted), "slide" if heading else "subslide"))
            if boxes and number in codes:  # the code came before its box
                cells.append(slide(codes[number], "subslide"))
    return cells


def main():
    """Write the slides and what they need beside them; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("numbers", nargs="*", metavar="NN", help="numbers of the notebooks, 00 to 08 if none is given")
    numbers = parser.parse_args().numbers or [f"{number:02}" for number in range(9)]
    paths = [path for path in build.notebooks() if path.name[:2] in numbers]
    if missing := set(numbers) - {path.name[:2] for path in paths}:
        parser.error(f"no notebook with the number {', '.join(sorted(missing))} in {build.NOTEBOOKS.name}/")
    OUTPUT.mkdir(parents=True, exist_ok=True)
    shutil.copytree(REVEAL, OUTPUT / "reveal", dirs_exist_ok=True)
    exporter = SlidesExporter(
        template_name="slides_template",
        extra_template_basedirs=[str(build.DOCS)],
        exclude_input_prompt=True,
        reveal_url_prefix="reveal",
        reveal_theme="white",
    )
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        notebook.cells = slides_of(notebook)
        page, _ = exporter.from_notebook_node(notebook, resources={"metadata": {"name": path.stem}})
        target = OUTPUT / f"{path.stem}.html"
        target.write_text(page, encoding="utf-8")
        print(f"{target}: {len(notebook.cells)} slides")
    return 0


if __name__ == "__main__":
    sys.exit(main())

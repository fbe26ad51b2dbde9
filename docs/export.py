"""A notebook as one HTML file that reads without a network: to mail, to print, to put on any server.

    python docs/export.py 05               into docs/_build/export
    python docs/export.py 00 05 --output DIR

Pictures keep their texts, explorers answer, formulas are MathML. JupyterLab's own export keeps texts and explorers too,
but asks another host for MathJax, so its formulas stay raw where there is no network, and some of its colours are too
pale to read. Nothing is run.
"""

import argparse
import re
import sys
from pathlib import Path

import build
import nbformat
from formulas import with_mathml
from nbconvert import HTMLExporter
from slides import picture

FILE_LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\]]*\])*)\]\((?![a-z]+:|#)[^)]*\)")


def page_of(path):
    """The HTML of one notebook. Links to other files become words, as the page stands alone."""
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata["title"] = re.match(r"# (?:\d+\. )?(.*)", notebook.cells[0].source)[1]
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = with_mathml(FILE_LINK.sub(r"\1", build.BADGE.sub("", cell.source)))
            continue
        cell.outputs = [
            nbformat.v4.new_output("display_data", {"text/html": shown}) if (shown := picture(output)) else output
            for output in cell.outputs
        ]
    exporter = HTMLExporter(
        template_name="page_template",
        extra_template_basedirs=[str(build.DOCS)],
        embed_images=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
    page, _ = exporter.from_notebook_node(notebook, resources={"metadata": {"path": str(path.parent)}})
    return page


def main():
    """Write the pages; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("numbers", nargs="+", metavar="NN", help="numbers of the notebooks")
    parser.add_argument("--output", type=Path, default=build.DOCS / "_build" / "export", help="the folder to write")
    options = parser.parse_args()
    paths = {path.name[:2]: path for path in build.notebooks()}
    if missing := [number for number in options.numbers if number not in paths]:
        parser.error(f"no notebook with the number {', '.join(missing)}: there are {', '.join(paths)}")
    options.output.mkdir(parents=True, exist_ok=True)
    for number in options.numbers:
        target = options.output / f"{paths[number].stem}.html"
        target.write_text(page_of(paths[number]), encoding="utf-8")
        print(f"{target}: {target.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())

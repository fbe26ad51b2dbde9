"""Build the site of the course from the notebooks as they are committed: nothing is run, nothing is fetched.

    python docs/build.py                 the site, in docs/_build/html
    python docs/build.py --output DIR    somewhere else

What it needs stands in docs/requirements.txt. Each notebook becomes a page; pictures and large explorers become files
beside it, solutions fold behind their exercises, and links between notebooks become links between pages.
"""

import argparse
import base64
import hashlib
import html
import io
import json
import re
import shutil
import sys
import time
from pathlib import Path

import nbformat
import reading
from PIL import Image
from sphinx.application import Sphinx

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
NOTEBOOKS = ROOT / "notebooks"
PLACEHOLDER = "OWNER/REPOSITORY"
LARGE = 200_000  # characters: a frame of more becomes a file that is loaded when the reader comes near
LAST_OF_THE_CORE = "08"
PNG_IN_HTML = re.compile(r'^<img alt="([^"]*)" src="data:image/png;base64,([^"]+)">\s*$')
SRCDOC = re.compile(r'srcdoc=(?:"([^"]*)"|\'([^\']*)\')')
BADGE = re.compile(r"^\[!\[Open in Colab\][^\n]*\n?", re.MULTILINE)
LINK = re.compile(r"(?<!!)(\[(?:[^\[\]]|\[[^\]]*\])*\])\(([^)\s]+)\)")
PICTURE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)")
CHECK = re.compile(r"^cct\.check\(\"(\w+)\", \w+\)$", re.MULTILINE)
MINUTES = re.compile(r"(\d+)\s+min\w*\s+to read,\s+([^.]*?)\s+to run")
PART = re.compile(r"\[(\d\d): ([^\]…]+?)(?: … ([^\]]+))?\]\(\1\)|<!-- sum -->")
READ = re.compile(r"<!-- read ((?:\d\d ?)+)-->")
TERM = re.compile(r"^- \*\*(.+?)\*\*(?: \(also (.+?)\))?: (.+)$", re.MULTILINE)


def repository_address():
    """OWNER/REPOSITORY, from pyproject.toml."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return re.search(r'^Repository = "https://github\.com/([^/"]+/[^/"]+)"$', text, re.MULTILINE)[1]


def notebooks():
    """The committed notebooks of the course, in order."""
    return sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))


class Site:
    """One build: where its pages are prepared, and what its pages share."""

    def __init__(self, folder):
        self.pages, self.extra = folder / "pages", folder / "_extra"
        self.address = repository_address()
        self.names = {path.name[:2]: path.name for path in notebooks()}

    def prepare(self):
        """Write every page, and the files beside them."""
        for folder in (self.pages, self.extra):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        shutil.copytree(DOCS / "static", self.pages / "static")
        shutil.copytree(NOTEBOOKS / "images", self.pages / "images", ignore=shutil.ignore_patterns("*.py", "__*"))
        for path in notebooks():
            self.write_notebook(path)
        terms = self.write_glossary()
        for name in ("teachers", "about"):
            self.write_page(name, self.expanded((DOCS / f"{name}.md").read_text(encoding="utf-8")))
        self.write_start()
        return terms

    def write_page(self, name, text):
        (self.pages / f"{name}.md").write_text(text, encoding="utf-8")

    # Notebooks

    def write_notebook(self, path):
        """The page of one notebook, and the notebook itself to download."""
        notebook = nbformat.read(path, as_version=4)
        solutions, answers = self.solutions(path), []
        for folder, source in {"download": path, "download/solutions": NOTEBOOKS / "solutions" / path.name}.items():
            if source.exists():
                (self.extra / folder).mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, self.extra / folder / path.name)
        cells = []
        for cell in notebook.cells:
            cells.append(cell)
            if cell.cell_type == "markdown":
                cell.source = self.linked(BADGE.sub(self.ways_to_open(path), cell.source), NOTEBOOKS)
                continue
            if "setup" in cell.metadata.get("tags", []):
                cell.metadata["tags"] = [*cell.metadata["tags"], "hide-input"]
            cell.outputs = [self.shown(output) for output in cell.outputs]
            for name in CHECK.findall(cell.source):
                if name in solutions:
                    answers.append(name)
                    cells.append(nbformat.v4.new_markdown_cell(solutions[name]))
        if missing := set(solutions) - set(answers):
            raise ValueError(f"{path.name} has no exercise for the solutions {', '.join(sorted(missing))}")
        if question := re.search(r"^\*([^*\n]+\?)\*$", cells[0].source, re.MULTILINE):
            cells[0].source += f"\n```{{index}} ! single: {question[1]}\n```\n"  # a search for it finds the page
        notebook.cells = cells
        nbformat.write(notebook, self.pages / path.name)

    def ways_to_open(self, path):
        """The line at the top of a notebook's page. Colab is offered once the repository has a real address."""
        place = f"notebooks/{path.name}"
        ways = [f'<a href="download/{path.name}" download>Download this notebook</a>']
        if (NOTEBOOKS / "solutions" / path.name).exists():
            ways.append(f'<a href="download/solutions/{path.name}" download>its solutions</a>')
        if self.address != PLACEHOLDER:
            colab = f"https://colab.research.google.com/github/{self.address}/blob/main/{place}"
            ways.insert(0, f'<a href="{colab}">Open in Colab</a>')
        return f'<p class="ways">{" · ".join(ways)}</p>\n'

    def solutions(self, path):
        """{name of the check: folded solution in Markdown}."""
        path, found = NOTEBOOKS / "solutions" / path.name, {}
        if not path.exists():
            return found
        cells = nbformat.read(path, as_version=4).cells
        for before, cell in zip(cells, cells[1:], strict=False):
            if "solution" in cell.metadata.get("tags", []) and (names := CHECK.findall(cell.source)):
                prose = re.sub(r"\A#+ [^\n]*\n*", "", before.source)
                code = f"```python\n{cell.source}\n```"
                body = f"{self.linked(prose, path.parent)}\n\n{code}"
                found[names[0]] = f"`````{{dropdown}} Solution\n{body}\n`````"
        return found

    def shown(self, output):
        """An output as the page shows it: a picture as a file with its text, a large frame as a file of its own."""
        data = output.get("data", {})
        if found := PNG_IN_HTML.match("".join(data.get("text/html", ""))):
            alt, content = html.unescape(found[1]), found[2]
        elif "image/png" in data:
            alt, content = output.metadata.get("image/png", {}).get("alt", ""), data["image/png"]
        elif "<iframe" in data.get("text/html", ""):
            return nbformat.v4.new_output(output.output_type, {"text/html": self.framed(data["text/html"])})
        else:
            return output
        return nbformat.v4.new_output(output.output_type, {"text/html": self.picture(base64.b64decode(content), alt)})

    def picture(self, png, alt):
        """The element for a picture, which is written into a file named by its content."""
        name = f"pictures/{hashlib.sha256(png).hexdigest()[:16]}.png"
        (self.extra / "pictures").mkdir(exist_ok=True)
        (self.extra / name).write_bytes(png)
        width, height = Image.open(io.BytesIO(png)).size
        size = f'width="{width}" height="{height}"'
        return f'<img src="{name}" alt="{html.escape(alt)}" {size} loading="lazy" decoding="async">'

    def framed(self, page):
        """The same HTML, with the content of a large frame in a file that is loaded late."""
        found = SRCDOC.search(page)
        if not found or len(found[0]) < LARGE:
            return page
        content = html.unescape(found[1] or found[2])
        name = f"frames/{hashlib.sha256(content.encode()).hexdigest()[:16]}.html"
        (self.extra / "frames").mkdir(exist_ok=True)
        (self.extra / name).write_text(content, encoding="utf-8")
        return page.replace(found[0], f'src="{name}" loading="lazy"')

    # Links

    def linked(self, text, folder):
        """Markdown of a file in `folder`, with its links to files of the repository leading to pages of the site."""
        text = LINK.sub(lambda found: self.link(found[1], found[2], folder), text)
        return PICTURE.sub(lambda found: f"![{found[1]}]({self.image(found[2], folder)})", text)

    def image(self, target, folder):
        if re.match(r"[a-z]+:", target):
            return target
        return (folder / target).resolve().relative_to(NOTEBOOKS).as_posix()

    def link(self, words, target, folder):
        """One link: to a page if there is one, else to a copy of the file; a folder only where the address is known."""
        if f"github.com/{PLACEHOLDER}" in target or f"github/{PLACEHOLDER}" in target:
            return words[1:-1]
        if re.match(r"[a-z]+:|#", target):
            return f"{words}({target})"
        place, _, anchor = target.partition("#")
        path = (folder / place).resolve()
        if path.suffix in (".ipynb", ".py") and path.stem + ".ipynb" in self.names.values():
            if path.parent.name == "solutions":
                return f"{words}({path.stem}.ipynb#exercises)"
            if path.suffix == ".ipynb":
                return f"{words}({path.stem}.ipynb{'#' + anchor if anchor else ''})"
        if path == NOTEBOOKS / "glossary.md":
            return f"{words}(glossary.md)"
        if path.parent == DOCS and path.suffix == ".md":
            return f"{words}({path.name})"
        if path.is_file() and path.is_relative_to(ROOT):
            copy = self.extra / "files" / path.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
            inner = re.sub(r"`([^`]*)`", lambda code: f"<code>{html.escape(code[1])}</code>", words[1:-1])
            return f'<a href="files/{path.relative_to(ROOT).as_posix()}">{inner}</a>'
        if path.is_dir() and self.address != PLACEHOLDER:
            return f"{words}(https://github.com/{self.address}/tree/main/{path.relative_to(ROOT).as_posix()})"
        return words[1:-1]

    # Pages of their own

    def expanded(self, text):
        """A page of docs/ with its marks filled in: links by number or by section, minutes, how to report."""
        text = self.with_parts(text)
        text = re.sub(r"\[(\d\d)\]\(\1\)", lambda found: self.numbered(found[1]), text)
        text = READ.sub(lambda found: str(sum(self.minutes_named(number) for number in found[1].split())), text)
        text = text.replace("<!-- minutes -->", self.minutes())
        text = text.replace("<!-- report -->", self.how_to_report())
        return self.linked(text, DOCS)

    def with_parts(self, text):
        """`[01: First … Last](01)` as a link to a section, with minutes; `<!-- sum -->` as those since the last sum."""
        total = 0

        def fill(found):
            nonlocal total
            if not found[1]:
                filled, total = f"{total:.0f}", 0
                return filled
            number, first, last = found[1], found[2], found[3] or found[2]
            minutes = round(reading.minutes_from(NOTEBOOKS / self.names[number], first, last))
            total += minutes
            anchor = re.sub(r"[^\w\- ]", "", first.lower()).replace(" ", "-")
            words = f"{number} {first}" + (f" to {last}" if found[3] else "")
            return f"[{words}](../notebooks/{self.names[number]}#{anchor}) ({minutes})"

        return PART.sub(fill, text)

    def minutes_named(self, number):
        """The minutes to read that a notebook names at its top."""
        first = nbformat.read(NOTEBOOKS / self.names[number], as_version=4).cells[0].source
        return int(MINUTES.search(" ".join(first.split()))[1])

    def numbered(self, number):
        name = self.names.get(number)
        return f"[{number}](../notebooks/{name})" if name else number

    def minutes(self):
        """A table of the minutes that each notebook names: to read and to run, at its top, and for its exercises."""
        rows = ["| notebook | minutes to read | to run | for the exercises |", "|---|---|---|---|"]
        totals = [0, 0]
        for path in notebooks():
            first = nbformat.read(path, as_version=4).cells[0].source
            title = re.match(r"# (?:\d+\. )?(.*)", first)[1]
            to_run = MINUTES.search(" ".join(first.split()))[2]
            to_read, exercises = self.minutes_named(path.name[:2]), sum(reading.exercise_times(path))
            totals = [totals[0] + to_read, totals[1] + exercises]
            rows.append(f"| [{path.name[:2]} {title}](../notebooks/{path.name}) | {to_read} | {to_run} | {exercises} |")
        return "\n".join([*rows, f"| all | {totals[0]} | | {totals[1]} |"])

    def how_to_report(self):
        if self.address == PLACEHOLDER:
            return (
                "This copy has no public address yet. Tell whoever gave it to you, with the notebook, the cell and the "
                "versions that `cct.setup()` prints."
            )
        issues = f"https://github.com/{self.address}/issues/new"
        return f"Write an [issue]({issues}), with the notebook, the cell and the versions that `cct.setup()` prints."

    def write_start(self):
        """The start: the README, with the model that computes in the page below its first lines."""
        text = self.linked((ROOT / "README.md").read_text(encoding="utf-8"), ROOT)
        text = re.sub(r"<!--.*?-->\n?", "", text, flags=re.DOTALL)
        live = f"\n```{{raw}} html\n{self.live_model()}\n```\n\n## "
        text = text.replace("\n## ", live, 1)
        core = [name for number, name in self.names.items() if number <= LAST_OF_THE_CORE]
        rest = [name for number, name in self.names.items() if number > LAST_OF_THE_CORE]
        for caption, pages in {"The core": core, "Electives": rest, "More": ["glossary", "teachers", "about"]}.items():
            listed = "\n".join(name.removesuffix(".ipynb") for name in pages)
            text += f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{listed}\n```\n"
        self.write_page("index", text)

    def live_model(self):
        """The live model out of the notebooks' outputs; where they have none yet, the attention explorer."""
        found = []
        for path in notebooks():
            for cell in nbformat.read(path, as_version=4).cells:
                pages = [output.get("data", {}).get("text/html", "") for output in cell.get("outputs", [])]
                frames = [page for page in pages if "<iframe" in page]
                found += [("live_model" not in cell.source, page) for page in frames]
        if not found:
            return ""
        return self.framed(min(found, key=lambda each: each[0])[1])

    def write_glossary(self):
        """The glossary's page and the meanings that are shown on hover; returns {slug: spellings in small letters}."""
        path = NOTEBOOKS / "glossary.md"
        text = path.read_text(encoding="utf-8")
        entries = TERM.findall(text)
        if len(entries) != len(re.findall(r"^- ", text, re.MULTILINE)):
            raise ValueError(f"{path.name}: each line must read '- **term** (also alias, alias): meaning'")
        head = text[: text.index("\n- ")]
        named = [(f'<strong id="term-{slug(term)}">{term}</strong>', meaning) for term, _, meaning in entries]
        body = [f"{name}\n: {self.linked(meaning, NOTEBOOKS)}\n" for name, meaning in named]
        self.write_page("glossary", "\n".join([head, "", *body]))
        meanings, spellings = {}, {}
        for term, also, meaning in entries:
            name = slug(term)
            words = re.sub(r"[`*]", "", re.sub(r"\s*\[\d\d\]\([^)]*\)\.?", "", meaning))
            meanings[name] = words[0].upper() + words[1:]
            own = [term, *re.split(r", ", also)] if also else [term]
            spellings[name] = [form for each in own for form in (each.lower(), each.lower() + "s")]
        (self.pages / "static" / "glossary.js").write_text(f"window.glossary = {json.dumps(meanings)};\n")
        return spellings


def slug(term):
    """The name of a term in its address."""
    return re.sub(r"[^a-z0-9]+", "-", term.lower()).strip("-")


def build(output):
    """Build the site into the folder `output`; returns what Sphinx warned of, as text."""
    work = output.parent / "_work"
    site = Site(work)
    terms = site.prepare()
    shutil.rmtree(output, ignore_errors=True)
    shutil.copyfile(DOCS / "conf.py", site.pages / "conf.py")
    warnings = io.StringIO()
    app = Sphinx(
        srcdir=site.pages,
        confdir=site.pages,
        outdir=output,
        doctreedir=work / "doctrees",
        buildername="html",
        confoverrides={"course_terms": terms},
        status=None,
        warning=warnings,
        freshenv=True,
        parallel=1,  # with more, an error while a page is written ends the build without a word
    )
    app.build()
    return re.sub(r"\x1b\[[0-9;]*m", "", warnings.getvalue())


def main():
    """Build, say how large the site is and how long it took; returns the exit status, 1 if Sphinx had a warning."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=DOCS / "_build" / "html", help="the folder to write")
    output = parser.parse_args().output.resolve()
    start = time.perf_counter()
    warnings = build(output)
    files = [path for path in output.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files) / 1e6
    print(warnings, end="", file=sys.stderr)
    print(f"{output}: {len(files)} files, {size:.1f} MB, {time.perf_counter() - start:.1f} s")
    return 1 if warnings else 0


if __name__ == "__main__":
    sys.exit(main())

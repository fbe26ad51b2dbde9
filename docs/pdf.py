"""Print the course into one PDF, through the print style of the site, in the order of its contents.

python docs/pdf.py                   builds the site, prints docs/_build/course.pdf
"""

import io
import sys

import build
import check
from playwright.sync_api import sync_playwright
from pypdf import PdfReader, PdfWriter

OUTPUT = build.DOCS / "_build" / "course.pdf"
NUMBER = '<p style="width: 100%; text-align: center; font-size: 8px">{title}, <span class="pageNumber"></span></p>'


def main():
    """Print every page and join them, with a bookmark for each; returns the exit status."""
    site = build.DOCS / "_build" / "html"
    build.build(site)
    names = ["index", *[path.stem for path in build.notebooks()], "glossary", "teachers", "about"]
    writer = PdfWriter()
    with sync_playwright() as playwright, check.served(site) as address:
        browser = playwright.chromium.launch(executable_path=check.CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        for name in names:
            page.goto(f"{address}/{name}.html")
            check.ask(page, check.FACTS)  # loads the pictures that wait for a reader to come near
            title = page.locator("h1").first.evaluate("(heading) => heading.firstChild.textContent")
            options = dict(display_header_footer=True, header_template="<p></p>")
            margin = dict(top="15mm", bottom="18mm", left="15mm", right="15mm")
            footer = NUMBER.replace("{title}", title)
            printed = page.pdf(format="A4", margin=margin, footer_template=footer, print_background=True, **options)
            writer.append(PdfReader(io.BytesIO(printed)), outline_item=title)
        browser.close()
    writer.write(OUTPUT)
    print(f"{OUTPUT}: {len(writer.pages)} pages, {OUTPUT.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())

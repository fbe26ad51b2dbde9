"""Sphinx's settings. build.py runs Sphinx with them on the pages that it has prepared."""

import html
import re

from docutils import nodes
from formulas import to_mathml

project = "Compact Convolutional Transformers, a course that runs"
html_title = "Compact Convolutional Transformers"
author = "the authors of the course"
project_copyright = "Apache-2.0 licence"
language = "en"
extensions = ["myst_nb", "sphinx_design"]
source_suffix = {".md": "myst-nb", ".ipynb": "myst-nb"}

nb_execution_mode = "off"
nb_merge_streams = True
nb_render_text_lexer = "none"
nb_code_prompt_show = "Show the setup cell"
nb_code_prompt_hide = "Hide the setup cell"
myst_enable_extensions = ["dollarmath", "deflist", "colon_fence"]
myst_heading_anchors = 4
suppress_warnings = ["mystnb.unknown_mime_type", "misc.highlighting_failure"]

html_theme = "sphinx_book_theme"
html_theme_options = {
    "home_page_in_toc": True,
    "show_navbar_depth": 1,
    "use_download_button": False,  # each notebook has its own link at the top
    "use_fullscreen_button": False,
    "toc_title": "On this page",
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "footer_content_items": "copyright.html",
}
html_static_path = ["static"]
html_css_files = ["course.css"]
html_js_files = [("glossary.js", {"defer": "defer"}), ("course.js", {"defer": "defer"})]
html_favicon = "static/favicon.svg"
html_context = {"default_mode": "auto"}
html_sidebars = {"**": ["search-button-field.html", "sbt-sidebar-nav.html"]}
html_extra_path = ["../_extra"]
html_copy_source = False
html_show_sphinx = False
html_math_renderer = "mathml"

NOT_PROSE = (nodes.literal, nodes.reference, nodes.title, nodes.math, nodes.raw, nodes.literal_block, nodes.term)


def mathml(block):
    """Write a formula as MathML when the site is built."""

    def visit(translator, node):
        formula = to_mathml(node.astext(), block)
        translator.body.append(f'<div class="formula">{formula}</div>' if block else formula)
        raise nodes.SkipNode

    return visit


def link_terms(app, doctree, page):
    """The first use of a glossary term on a page becomes a link to the glossary, with the meaning shown on hover."""
    terms = app.config.course_terms
    if not re.match(r"\d\d_", page) or not terms:
        return
    spellings = {spelling: slug for slug, names in terms.items() for spelling in names}
    longest_first = "|".join(re.escape(spelling) for spelling in sorted(spellings, key=len, reverse=True))
    pattern = re.compile(rf"(?<![\w-])(?:{longest_first})(?![\w-])", re.IGNORECASE)
    linked = set()
    for text in list(doctree.findall(nodes.Text)):
        above = text.parent
        while above is not None and not isinstance(above, NOT_PROSE):
            above = above.parent
        if above is not None:
            continue
        parts, at, plain = [], 0, text.astext()
        for found in pattern.finditer(plain):
            slug = spellings[found[0].lower()]
            if slug in linked:
                continue
            linked.add(slug)
            link = nodes.reference("", found[0], refuri=f"glossary.html#term-{slug}", internal=True, classes=["term"])
            parts += [nodes.Text(plain[at : found.start()]), link]
            at = found.end()
        if parts:
            text.parent.replace(text, [*parts, nodes.Text(plain[at:])])


def name_empty_heads(app, doctree, page):
    """The empty corner of a table gets a word that only screen readers read."""
    for head in doctree.findall(nodes.thead):
        for entry in head.findall(nodes.entry):
            if not entry.astext().strip():
                entry.children = []
                entry += nodes.paragraph("", "", nodes.inline("", "row", classes=["visually-hidden"]))


def name_the_page(app, page, template, context, doctree):
    """A description for search engines: the question that the page answers, which is its first paragraph."""
    first = next(doctree.findall(nodes.paragraph), None) if doctree else None
    if first is not None:
        words = html.escape(" ".join(first.astext().split())[:200])
        context["metatags"] = context.get("metatags", "") + f'<meta name="description" content="{words}">'


def setup(app):
    app.add_config_value("course_terms", {}, "env")
    app.add_html_math_renderer("mathml", (mathml(False), None), (mathml(True), None))
    app.connect("doctree-resolved", link_terms)
    app.connect("doctree-resolved", name_empty_heads)
    app.connect("html-page-context", name_the_page)

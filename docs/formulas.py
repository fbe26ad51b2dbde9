"""Formulas in LaTeX become MathML when a page is made: browsers show it by themselves, and screen readers read it."""

import re

from docutils.utils.math.latex2mathml import tex2mathml

FORMULA = re.compile(r"\$\$(.+?)\$\$|(?<![\\$\w])\$([^\s$](?:[^$\n]*[^\s$])?)\$(?![\d$])", re.DOTALL)
CODE = re.compile(r"(```.*?```|`[^`\n]*`)", re.DOTALL)


def to_mathml(formula, block):
    r"""A formula as MathML.

    Args:
        formula: in LaTeX, without the dollar signs. \big and its kin are left out, as brackets grow by themselves in
            MathML, and \dots is written \ldots: docutils knows neither.
        block: whether it stands on lines of its own.

    Raises:
        docutils.utils.math.MathError: for a command that docutils does not know.
    """
    formula = re.sub(r"\\[bB]igg?[lr]?(?![A-Za-z])", "", formula)
    return tex2mathml(re.sub(r"\\dots(?![A-Za-z])", r"\\ldots", formula), as_block=block)


def with_mathml(text):
    """Markdown with its formulas as MathML. Code stays as it is, and so do prices in dollars."""

    def formula(found):
        return to_mathml(found[1] or found[2], bool(found[1])).replace("\n", "")

    parts = CODE.split(text)  # every second part is code
    return "".join(part if i % 2 else FORMULA.sub(formula, part) for i, part in enumerate(parts))

"""Formulas in LaTeX become MathML when a page is made: browsers show it by themselves, and screen readers read it."""

import re

from docutils.utils.math.latex2mathml import tex2mathml


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

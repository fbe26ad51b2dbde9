"""What the usual errors of arrays mean, in the learner's words."""

import re

from cct_helpers.exercises.marking import message


def explain_error(error, names, wants_class=False):
    """A sentence on an error that an answer raised; None for one that says enough by itself.

    names: the arguments that the check gives. wants_class: whether the answer is a class.
    """
    text = message(error)
    shapes = _broadcast_shapes(text)
    if shapes:
        return explain_broadcasting(*shapes)
    if isinstance(error, TypeError) and re.search(r"positional arguments?(:| but)", text) and not wants_class:
        return f"The check calls your function with {len(names)} arguments: {', '.join(names)}."
    return next((sentence for pattern, sentence in SENTENCES if re.search(pattern, text)), None)


SENTENCES = [
    (
        r"matmul: Input operand|Matrix size-incompatible|not aligned|remapped shapes|contracting dimension",
        "For a @ b the last axis of a must be as long as the last but one of b, and the axes before them must fit. "
        "Swap "
        "the last two axes of one of them, swapaxes(-1, -2), or the two factors.",
    ),
    (
        r"cannot reshape array|Cannot reshape a tensor|cannot be reshaped",
        "A reshape keeps all numbers: the sizes must multiply to as many. Check their order; one of them may be -1.",
    ),
    (
        r"out of bounds for axis|list index out of range|index out of range",
        "Counting starts at 0: an axis of n entries ends at n - 1. Is it the right axis?",
    ),
    (
        r"slice indices must|indices must be integers|cannot be interpreted as an integer|only integers, slice",
        "Sizes and indices must be whole numbers: // instead of /, or int(...).",
    ),
    (
        r"boolean index did not match|mask.*shape",
        "A mask of True and False picks from the first axes of an array, and needs their sizes.",
    ),
    (
        r"truth value of an array",
        "if, and, or, max and min of Python want one number. For arrays: np.where, &, |, np.maximum, np.minimum.",
    ),
    (
        r"only .{0,30}(size-1|length-1|0-dimensional) arrays|must be real number, not",
        "The functions of math take one number. Those of np take whole arrays.",
    ),
    (
        r"does not support item assignment",
        "A Keras tensor cannot be written into. Work with np.array(...), or build the result with ops.where.",
    ),
    (r"inhomogeneous|sequence.*array element|same shape|must match exactly", "The parts differ in shape: print them."),
    (
        r"can't multiply sequence|unsupported operand type.*'(list|tuple)'|'(list|tuple)' object has no attribute",
        "A list is no array: np.asarray(...) makes one of it.",
    ),
    (
        r"unsupported operand type.*'NoneType'|'NoneType' object",
        "Something that should be an array is None: a function without a return, or one that works in place.",
    ),
    (
        r"expected to be a (float|double|int\d+|bool) tensor|same dtype|Cannot cast ufunc",
        "Two types of numbers meet. Bring them to one: astype('float32').",
    ),
    (
        r"is not defined",
        "This name is given nowhere: a slip of the pen, or the cell that gives it has not been run.",
    ),
]


def _broadcast_shapes(text):
    """The two shapes that do not fit together in an error of NumPy, TensorFlow or JAX; None for another error."""
    if not re.search(r"broadcast|ncompatible shapes", text) or "remapped" in text:
        return None
    found = re.findall(r"\(((?:\d+,? ?)*)\)|\[((?:\d+,? ?)+)\]", text)
    shapes = [tuple(map(int, re.findall(r"\d+", one or two))) for one, two in found]
    return shapes[:2] if len(shapes) >= 2 else None


def explain_broadcasting(one, two):
    """Which index makes an array of one shape fit one of another, in a sentence."""
    large, small = sorted((one, two), key=len, reverse=True)
    said = f"Shapes are compared from their last axis on, and {large} does not fit {small}."
    fitting = [index for index in _indices(large, small) if "None" in index]
    if not fitting:
        return f"{said} Print both: an axis is missing, or two are swapped."
    if len(fitting) > 1:
        ways = " or ".join(f"[{', '.join(index)}]" for index in fitting[:3])
        return f"{said} The smaller one lacks an axis: {ways}, or keepdims=True where it comes from. Which is it?"
    gone = [str(axis) for axis, mark in enumerate(fitting[0]) if mark == "None"]
    where = f"ax{'i' if len(gone) == 1 else 'e'}s {' and '.join(gone)}"
    return (
        f"{said} The smaller one lacks {where}: index it with [{', '.join(fitting[0])}], or say keepdims=True in the "
        "sum, mean or maximum that it comes from."
    )


def _indices(large, small):
    """All ways to lay the axes of `small` on those of `large`, in order: for each axis of `large` ":" or "None"."""
    if not large:
        return [] if small else [[]]
    skipped = [["None", *rest] for rest in _indices(large[1:], small)]
    fits = small and small[0] in (large[0], 1)
    return ([[":", *rest] for rest in _indices(large[1:], small[1:])] if fits else []) + skipped

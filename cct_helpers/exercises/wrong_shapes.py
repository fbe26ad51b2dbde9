"""Rules for results of a wrong shape: which axis is missing, too many, or in another place."""

import itertools

import numpy as np

from cct_helpers.exercises.marking import close


def pairs_of(marking):
    """(result, right result) of every case that went wrong."""
    return [(np.asarray(marking.outcomes[n].value), np.asarray(marking.truths[n])) for n in marking.wrong]


def everywhere(marking, holds):
    """Whether `holds(result, right result)` is true of every case that went wrong, and there is one."""
    pairs = pairs_of(marking)
    return bool(pairs) and all(holds(value, truth) for value, truth in pairs)


def _has_other_shape(marking):
    return everywhere(marking, lambda value, truth: value.dtype.kind in "iufb" and value.shape != truth.shape)


def other_order_of_axes(marking):
    """The right numbers, with the axes in another order."""
    if not _has_other_shape(marking):
        return None
    count = np.ndim(marking.truths[marking.wrong[0]])
    for order in itertools.permutations(range(count)) if 2 <= count <= 5 else ():

        def holds(value, truth, order=order):
            return value.ndim == count == truth.ndim and close(value.transpose(order), truth, marking.tolerance)

        if everywhere(marking, holds):
            return (
                f"These are the right numbers with the axes in another order: transpose({', '.join(map(str, order))})."
            )
    return None


def other_shape_of_the_same(marking):
    """The right numbers, cut up differently."""

    def holds(value, truth):
        return value.size == truth.size and close(value.reshape(truth.shape), truth, marking.tolerance)

    if _has_other_shape(marking) and everywhere(marking, holds):
        value, truth = pairs_of(marking)[0]
        if value.ndim > truth.ndim and 1 in value.shape:
            return "These are the right numbers with an axis of size 1 too many: take it away with [..., 0] or squeeze."
        return "These are the right numbers in another shape: a reshape, or keepdims, is missing."
    return None


REDUCTIONS = {"sum": np.sum, "mean": np.mean, "max": np.max}


def axis_to_reduce(marking):
    """An axis is left that should have been summed over, or one was summed over that should be left."""
    if not _has_other_shape(marking):
        return None
    for name, reduce in REDUCTIONS.items():
        for axis in range(6):

            def too_many(value, truth, reduce=reduce, axis=axis):
                return value.ndim > axis and close(reduce(value, axis=axis), truth, marking.tolerance)

            def too_few(value, truth, reduce=reduce, axis=axis):
                return truth.ndim > axis and close(value, reduce(truth, axis=axis), marking.tolerance)

            if everywhere(marking, too_many):
                return f"Axis {axis} of your result is one too many: the {name} over it is missing."
            if everywhere(marking, too_few):
                return f"You took the {name} over an axis too many: axis {axis} of the right result is gone."
        if everywhere(marking, lambda value, truth, reduce=reduce: close(value, reduce(truth), marking.tolerance)):
            return f"That is the {name} of all numbers of the right result: leave them apart."
    return None


def cut_off(marking):
    """The right numbers, with an entry too many or too few at an end."""
    if not _has_other_shape(marking):
        return None
    for axis in range(np.ndim(marking.truths[marking.wrong[0]])):

        def take(array, part, axis=axis):
            return array[(slice(None),) * axis + (part,)]

        for part, end in ((slice(1, None), "first"), (slice(None, -1), "last")):
            if everywhere(
                marking,
                lambda v, t, p=part, a=axis: t.ndim > a and close(v, take(t, p), marking.tolerance),
            ):
                return f"The {end} entry along axis {axis} is missing. The rest is right."
            if everywhere(
                marking,
                lambda v, t, p=part, a=axis: v.ndim > a and close(take(v, p), t, marking.tolerance),
            ):
                return f"The {end} entry along axis {axis} is one too many. The rest is right."
    return None


def sizes_of_cases(marking):
    """Every size and whole number that a case has: list of (its name in words, its value in each case)."""
    found = []
    for place, name in enumerate(marking.names):
        given = [case[place] for case in marking.cases]
        if all(isinstance(value, int | np.integer) and not isinstance(value, bool) for value in given):
            found.append((f"`{name}`", [int(value) for value in given]))
        elif all(isinstance(value, np.ndarray) for value in given):
            for axis in range(min(value.ndim for value in given)):
                found.append((f"axis {axis} of `{name}`", [value.shape[axis] for value in given]))
        elif all(isinstance(value, list | tuple) for value in given):
            found.append((f"the length of `{name}`", [len(value) for value in given]))
    return found


def one_for_all(marking):
    """One number, where one for each entry is wanted, or the other way round."""
    if not _has_other_shape(marking):
        return None
    if everywhere(marking, lambda value, truth: value.ndim == 0 and truth.ndim > 0):
        return f"That is one number for everything. Wanted is an array: {_like(marking, marking.truths)}. Say the axis."
    if everywhere(marking, lambda value, truth: truth.ndim == 0 and value.ndim > 0):
        if np.asarray(marking.truths[0]).dtype.kind == "b":
            return "Wanted is one True or False: .all() or .any() makes one of many."
        return "Wanted is one number: a sum, mean or choice over the axes that are left."
    return None


def wanted_sizes(marking):
    """What each axis of the result is as long as, and of the right one, where the arguments tell it."""
    if not _has_other_shape(marking):
        return None
    wanted, found = _like(marking, marking.truths), _like(marking, [outcome.value for outcome in marking.outcomes])
    return f"Wanted: {wanted}. Yours: {found}." if wanted and found else None


def _like(marking, results):
    """The axes of the results by the sizes that the arguments have: "axis 0 like axis 1 of `tokens`"; "" if unknown."""
    shapes = [np.shape(result) for result in results]
    if len({len(shape) for shape in shapes}) > 1:
        return ""
    words, sizes = [], sizes_of_cases(marking)
    for axis in range(len(shapes[0])):
        lengths = [shape[axis] for shape in shapes]
        name = next((name for name, values in sizes if values == lengths), None)
        words.append(f"axis {axis} like {name}" if name else f"axis {axis} of size {lengths[marking.wrong[0]]} here")
    return ", ".join(words) or "one number"


RULES = [other_order_of_axes, other_shape_of_the_same, axis_to_reduce, cut_off, one_for_all, wanted_sizes]

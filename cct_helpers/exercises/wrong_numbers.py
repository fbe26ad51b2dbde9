"""Rules for results of the right shape with wrong numbers, and for whole numbers that are none."""

import itertools
import math

import numpy as np

from cct_helpers.exercises.marking import close, places_alike
from cct_helpers.exercises.wrong_shapes import everywhere, pairs_of, sizes_of_cases

# Types


def whole_numbers(marking):
    """Floats where whole numbers are wanted, or the other way round."""

    def other_type(value, truth):
        return value.shape == truth.shape and value.dtype.kind == "f" and truth.dtype.kind in "iu"

    if not everywhere(marking, other_type):
        return None
    for name, whole in (
        ("int(...) or astype(int)", None),
        ("//", np.floor),
        ("math.ceil", np.ceil),
        ("round", np.round),
    ):
        if everywhere(marking, lambda v, t, f=whole: close(f(v) if f else v, t, 1e-6)):
            start = "The numbers are right" if whole is None else "Rounded they would be right"
            return f"{start}, but whole ones are wanted: {name}."
    return "Whole numbers are wanted. / makes floating-point ones; // and integer arrays keep them whole."


def other_container(marking):
    """A list or a tuple where an array is wanted, or an array where several results are wanted."""
    pairs = [(marking.outcomes[number].value, marking.truths[number]) for number in marking.wrong]
    if all(isinstance(truth, np.ndarray) and isinstance(value, list) for value, truth in pairs):
        return "Make an array of the list: np.array(...), or np.stack(...) or np.concatenate(...) for a list of arrays."
    if all(isinstance(truth, np.ndarray) and isinstance(value, tuple | range) for value, truth in pairs):
        return "An array is wanted: np.array(...)."
    if all(
        isinstance(truth, tuple) and isinstance(value, np.ndarray) and value.shape[:1] == (len(truth),)
        for value, truth in pairs
    ):
        return "Several results are wanted one by one, not as one array: return a, b."
    return None


def numbers_for_truths(marking):
    """0 and 1, where True and False are wanted."""
    if everywhere(marking, lambda v, t: t.dtype.kind == "b" and v.dtype.kind in "iuf" and v.shape == t.shape):
        return "True and False are wanted, as a comparison gives them: no numbers. bool(...) makes one of a number."
    return None


TYPES = [other_container, whole_numbers, numbers_for_truths]

# Functions of the right result: value = f(truth)

FUNCTIONS = {
    "The sign is turned round everywhere.": lambda t: -t,
    "This is 1 minus the right result: the complement.": lambda t: 1 - t,
    "This is 1 divided by the right result: numerator and denominator are swapped.": lambda t: 1 / t,
    "Some numbers should be negative: an absolute value is taken that does not belong there.": np.abs,
    "This is the square of the right result: a root is missing.": np.square,
    "This is the square root of the right result.": np.sqrt,
    "This is the logarithm of the right result: exp is missing.": np.log,
    "This is the logarithm to base 2 of the right result: 2 ** is missing.": np.log2,
    "This is exp of the right result: the logarithm is missing.": np.exp,
    "This is the right result, rounded: do not round.": np.round,
    "This is the right result, rounded down: do not round.": np.floor,
    "What is negative in the right result is 0 in yours.": lambda t: np.maximum(t, 0),
}


def function_of_the_right_result(marking):
    """The sign, the complement, a root or a logarithm of the right result."""
    if any(truth.dtype.kind == "b" for _, truth in pairs_of(marking)):
        return None
    with np.errstate(all="ignore"):
        for sentence, function in FUNCTIONS.items():
            if everywhere(marking, lambda v, t, f=function: close(v, f(t), marking.tolerance)):
                return sentence
    return None


# A factor or an amount

FACTORS = {
    100: "as percent for a share: from 0 to 1 is wanted",
    0.01: "as if a share were percent",
    255: "as pixels from 0 to 255 for numbers from 0 to 1",
    1 / 255: "as numbers from 0 to 1 for pixels from 0 to 255",
    math.log(2): "the natural logarithm of 2: nats and bits are mixed up, log and log2",
    1 / math.log(2): "1 / log(2): bits and nats are mixed up, log2 and log",
    math.pi / 180: "pi / 180: degrees and radians are mixed up",
    180 / math.pi: "180 / pi: degrees and radians are mixed up",
    60: "as seconds for minutes, or minutes for hours",
    3600: "as seconds for hours",
    1000: "as thousandths for ones",
    math.sqrt(2): "the square root of 2",
    1 / math.sqrt(2): "1 / the square root of 2",
}

SIZES = {
    "too large by the factor {name} ({n} here): a sum where a mean is wanted, or the division by it is missing": (
        lambda n: n
    ),
    "too small by the factor {name} ({n} here): a mean where a sum is wanted, or a division by it too many": (
        lambda n: 1 / n
    ),
    "too large by the square root of {name} ({n} here): divide by it": lambda n: math.sqrt(n),
    "too small by the square root of {name} ({n} here): multiply by it, or divide by it once less": (
        lambda n: 1 / math.sqrt(n)
    ),
    "too large by the square of {name} ({n} here)": lambda n: n * n,
    "too small by the square of {name} ({n} here)": lambda n: 1 / (n * n),
    "off by the factor {name} - 1 ({n} - 1 here)": lambda n: n - 1,
    "off by the factor 1 / ({name} - 1)": lambda n: 1 / (n - 1),
    "too small as n - 1 is against n, n being {name} ({n} here): n - 1 belongs in its place": lambda n: (n - 1) / n,
    "too large as n is against n - 1, n being {name} ({n} here): n belongs in its place": lambda n: n / (n - 1),
    "too small as the root of n - 1 is against that of n, n being {name}: ddof=1": lambda n: math.sqrt((n - 1) / n),
    "too large as the root of n is against that of n - 1, n being {name}: ddof=0": lambda n: math.sqrt(n / (n - 1)),
}

SCALARS = {
    "too large by the factor `{name}`": lambda a: a,
    "too small by the factor `{name}`, by which it is divided once too often or not multiplied": lambda a: 1 / a,
    "too small by the factor 1 - `{name}`": lambda a: 1 - a,
    "too large by the factor 1 / (1 - `{name}`)": lambda a: 1 / (1 - a),
    "off by the square of `{name}`": lambda a: a * a,
    "off by the square of 1 / `{name}`": lambda a: 1 / (a * a),
    "too small by the square of 1 - `{name}`": lambda a: (1 - a) ** 2,
    "off by the factor (1 - `{name}`) / `{name}`": lambda a: (1 - a) / a,
    "off by the factor `{name}` / (1 - `{name}`)": lambda a: a / (1 - a),
    "off by the root of `{name}`": lambda a: math.sqrt(a),
    "off by 1 / the root of `{name}`": lambda a: 1 / math.sqrt(a),
}


def _ratio(value, truth, tolerance):
    """The one factor between a result and the right one; None if there is none."""
    if value.shape != truth.shape or value.dtype.kind not in "iuf" or truth.dtype.kind not in "iuf":
        return None
    value, truth = value.astype("float64").ravel(), truth.astype("float64").ravel()
    if not (np.isfinite(value).all() and np.isfinite(truth).all() and np.any(truth) and np.any(value)):
        return None
    factor = float(value @ truth / (truth @ truth))
    return factor if factor and close(value / factor, truth, tolerance) else None


def _same_numbers(found, wanted):
    return len(found) == len(wanted) and all(
        math.isclose(one, other, rel_tol=2e-3) for one, other in zip(found, wanted, strict=True)
    )


def constant_factor(marking):
    """Every number is off by one factor: a size of the case, its root, a percentage, an argument."""
    factors = [_ratio(value, truth, marking.tolerance) for value, truth in pairs_of(marking)]
    if None in factors or any(math.isclose(factor, 1, rel_tol=1e-6) for factor in factors):
        return None
    said = _named_factor(marking, factors)
    if said:
        return f"Every number is {said}."
    sure = len(factors) > 1 and any(np.size(truth) > 2 for truth in marking.truths)
    if len(factors) > 1 and _same_numbers(factors, [factors[0]] * len(factors)):
        return f"Every number is {factors[0]:.4g} times the right one, in every case."
    if sure and all(np.size(marking.truths[number]) > 1 for number in marking.wrong):
        return (
            f"Within a case all numbers are off by one factor, {factors[0]:.4g} in this one: what you multiply or "
            "divide by is wrong, the rest is right."
        )
    return None


def _named_factor(marking, factors):
    for number, words in FACTORS.items():
        if _same_numbers(factors, [number] * len(factors)):
            return f"{number:.4g} times the right one, {words}"
    if len(factors) > 1 and _same_numbers(factors, [factors[0]] * len(factors)):
        return None
    first = marking.wrong[0]
    for (name, values), (words, form) in itertools.product(sizes_of_cases(marking), SIZES.items()):
        wanted = [_number(form, values[number]) for number in marking.wrong]
        tell = all(abs(number - 1) > 0.01 for number in wanted)  # (n - 1) / n of a large n is any factor near 1
        if tell and _same_numbers(factors, wanted):
            return words.format(name=name, n=values[first])
    for (name, values), (words, form) in itertools.product(_scalars(marking), SCALARS.items()):
        if _same_numbers(factors, [_number(form, values[number]) for number in marking.wrong]):
            return words.format(name=name)
    return None


def _number(form, value):
    try:
        return float(form(value))
    except (ValueError, ZeroDivisionError):
        return math.nan


def _scalars(marking):
    """Arguments that are one floating-point number: (name, its value in each case)."""
    given = [(name, [case[place] for case in marking.cases]) for place, name in enumerate(marking.names)]
    return [(name, values) for name, values in given if all(isinstance(value, float) for value in values)]


def constant_amount(marking):
    """Every number is off by one amount."""
    amounts = []
    for value, truth in pairs_of(marking):
        if value.shape != truth.shape or value.dtype.kind not in "iuf" or truth.dtype.kind not in "iuf":
            return None
        amount = np.asarray(value, "float64") - np.asarray(truth, "float64")
        if not np.isfinite(amount).all() or not close(amount, np.full_like(amount, amount.mean()), marking.tolerance):
            return None
        amounts.append(float(amount.mean()))
    if len(amounts) > 1 and _same_numbers(amounts, [amounts[0]] * len(amounts)):
        if len(marking.wrong) < len(marking.cases) and not any(np.shape(truth) for truth in marking.truths):
            off = f"Where it is wrong, it is off by {amounts[0]:+.4g}."
            return f"{off} Look at how numbers are rounded, and at limits that are met exactly."
        if abs(abs(amounts[0]) - 1) < 1e-6:
            many = (
                "too large: counted from 1 instead of 0, or once too often"
                if amounts[0] > 0
                else "too small: one is lost"
            )
            return f"Every number is 1 {many}."
        return f"Every number is off by the same amount, {amounts[0]:+.4g}."
    for name, values in sizes_of_cases(marking) + [(f"`{name}`", values) for name, values in _scalars(marking)]:
        for sign, word in ((1, "too large"), (-1, "too small")):
            if _same_numbers(amounts, [sign * values[number] for number in marking.wrong]):
                return f"Every number is {word} by {name} ({values[marking.wrong[0]]:.4g} here)."
    return None


def rows_off(marking):
    """Along an axis all numbers are off by one factor or one amount, another one for each row."""
    truths = [np.asarray(marking.truths[number]) for number in marking.wrong]
    for axis in reversed(range(min(truth.ndim for truth in truths))):
        for word, sign in (("factor", 1), ("amount", 0)):
            if everywhere(marking, lambda v, t, a=axis, s=sign: _off_along(v, t, a, s, marking.tolerance)):
                what = "what each is multiplied or divided by" if sign else "what is added or subtracted"
                return f"Along axis {axis} all numbers are off by one {word}, elsewhere by another: {what} is wrong."
    return None


def _off_along(value, truth, axis, by_factor, tolerance):
    """Whether one factor, or one amount, along an axis makes a result of the right one."""
    if value.shape != truth.shape or truth.shape[axis] < 3 or value.dtype.kind != "f" or truth.dtype.kind != "f":
        return False
    value, truth = value.astype("float64"), truth.astype("float64")
    if not (np.isfinite(value).all() and np.isfinite(truth).all()):
        return False
    if by_factor:
        squares = (truth**2).sum(axis=axis, keepdims=True)
        return bool((squares > 0).all()) and close(
            value, truth * (value * truth).sum(axis=axis, keepdims=True) / squares, tolerance
        )
    return close(value, truth + (value - truth).mean(axis=axis, keepdims=True), tolerance)


# The right numbers in other places


def moved(marking):
    """Shifted by one, turned round, transposed, or in any other order."""
    first = np.asarray(marking.truths[marking.wrong[0]])
    if first.ndim == 0 or first.size < 3:
        return None
    for axis in range(first.ndim):
        for later, words in ((True, "one place too late"), (False, "one place too early")):
            if everywhere(marking, lambda v, t, a=axis, w=later: _shifted(v, t, a, w, marking.tolerance)):
                return f"Shifted by one along axis {axis}: everything comes {words}."
        if everywhere(marking, lambda v, t, a=axis: t.ndim > a and close(v, np.flip(t, a), marking.tolerance)):
            return f"The right numbers, but axis {axis} runs backwards."
    for order in itertools.permutations(range(first.ndim)) if 2 <= first.ndim <= 4 else ():
        named = ", ".join(map(str, order))
        if everywhere(
            marking,
            lambda v, t, o=order: (
                t.ndim == len(o) and v.size == t.size and close(v.ravel(), t.transpose(o).ravel(), marking.tolerance)
            ),
        ):
            return (
                "The right numbers in the wrong order: a reshape does not swap axes. Transpose before it "
                f"(yours are those of transpose({named}))."
            )
    if everywhere(marking, lambda v, t: v.shape == t.shape and _same_when_sorted(v, t, marking.tolerance)):
        return "These are the right numbers, all of them, at other places: an order of axes or of entries is wrong."
    return None


def _shifted(value, truth, axis, later, tolerance):
    if value.shape != truth.shape or truth.ndim <= axis or truth.shape[axis] < 3:
        return False
    ends = [
        np.take(array, range(start, truth.shape[axis] - 1 + start), axis) for array, start in ((value, 1), (truth, 0))
    ]
    if not later:
        ends = [np.take(array, range(s, truth.shape[axis] - 1 + s), axis) for array, s in ((value, 0), (truth, 1))]
    constant = np.ptp(np.asarray(truth, "float64"), axis=axis).max() < 1e-12
    return not constant and close(*ends, tolerance)


def _same_when_sorted(value, truth, tolerance):
    if value.dtype.kind not in "iuf" or truth.size < 3 or np.unique(truth).size < 3:
        return False
    return close(np.sort(value, axis=None), np.sort(truth, axis=None), tolerance)


# Where it is wrong


def wrong_places(marking):
    """All differences lie where a mask is False, or in the first or last row or column."""
    places = [~places_alike(value, truth, marking.tolerance) for value, truth in pairs_of(marking)]
    if any(wrong.ndim == 0 or wrong.all() or wrong.size < 3 for wrong in places):
        return None
    for place, name in enumerate(marking.names):
        masks = [marking.cases[number][place] for number in marking.wrong]
        if all(isinstance(mask, np.ndarray) and mask.dtype == bool for mask in masks):
            for value in (False, True):
                if all(_lies_where(wrong, mask == value) for wrong, mask in zip(places, masks, strict=True)):
                    return f"All differences lie where `{name}` is {value}."
    for axis in range(places[0].ndim):
        for index, end in ((0, "first"), (-1, "last")):
            if all(wrong.ndim > axis and _lies_at(wrong, axis, index) for wrong in places):
                return f"Only the {end} entry along axis {axis} is wrong."
    return None


def _lies_where(wrong, mask):
    if wrong.shape[: mask.ndim] != mask.shape:
        return False
    rows = wrong.reshape(*mask.shape, -1).any(axis=-1)
    return bool((rows & mask).any() and not (rows & ~mask).any())


def _lies_at(wrong, axis, index):
    lines = wrong.any(axis=tuple(i for i in range(wrong.ndim) if i != axis))
    return lines.size > 2 and lines[index] and lines.sum() == 1


EDGES = {
    "holds a negative number": lambda a: np.any(np.asarray(a) < 0),
    "holds a zero": lambda a: np.asarray(a).dtype.kind != "b" and np.any(np.asarray(a) == 0),
    "holds an infinite number or NaN": lambda a: not np.all(np.isfinite(a)),
    "holds a number above 100": lambda a: np.asarray(a).dtype.kind == "f" and np.nanmax(np.abs(a), initial=0) > 100,
    "holds no True": lambda a: np.asarray(a).dtype.kind == "b" and not np.any(a),
    "has a row without any True": lambda a: (
        np.asarray(a).dtype.kind == "b" and np.ndim(a) > 1 and not np.all(np.any(a, axis=-1))
    ),
    "has a single entry": lambda a: np.size(a) == 1 and np.ndim(a) > 0,
}


def edge_cases(marking):
    """What the cases that went wrong have in common, and no other case has."""
    right = [number for number in range(len(marking.cases)) if number not in marking.wrong]
    for place, name in enumerate(marking.names) if right else ():
        for words, holds in EDGES.items():
            try:
                found = [bool(holds(case[place])) for case in marking.cases]
            except (TypeError, ValueError):
                break
            if all(found[number] for number in marking.wrong) and not any(found[number] for number in right):
                return f"It goes wrong only in cases in which `{name}` {words}."
    return None


def not_a_number(marking):
    """NaN where there should be a number, and what it may come from."""

    def some_nan(value, truth):
        return value.dtype.kind == "f" and np.isnan(value).any() and not np.isnan(truth.astype("float64")).any()

    if not everywhere(marking, some_nan):
        return None
    return (
        "NaN comes from 0 / 0, from the logarithm of 0 or less, from inf - inf or from 0 * inf. Which one is it here?"
    )


# What the right results have in common

PROPERTIES = {
    "sums to 1 along its last axis": lambda a: a.ndim and np.allclose(a.sum(axis=-1), 1, atol=1e-3),
    "sums to 1 along axis 0": lambda a: a.ndim and np.allclose(a.sum(axis=0), 1, atol=1e-3),
    "is symmetric": lambda a: a.ndim == 2 and a.shape[0] == a.shape[1] and np.allclose(a, a.T, atol=1e-3),
    "has ones on its diagonal": lambda a: (
        a.ndim == 2 and a.shape[0] == a.shape[1] and np.allclose(np.diagonal(a), 1, atol=1e-3)
    ),
    "has no negative number": lambda a: bool((a >= 0).all()),
    "has the mean 0 along its last axis": lambda a: a.ndim and np.allclose(a.mean(axis=-1), 0, atol=1e-3),
    "lies between 0 and 1": lambda a: bool(((a >= -1e-6) & (a <= 1 + 1e-6)).all()),
}


def missing_property(marking):
    """What every right result has and none of the wrong ones."""
    truths = [np.asarray(truth) for truth in marking.truths]
    if any(truth.dtype.kind not in "iuf" for truth in truths):
        return None
    for words, has in PROPERTIES.items():
        if all(has(truth) for truth in truths) and everywhere(
            marking, lambda v, t, h=has: v.shape == t.shape and v.dtype.kind in "iuf" and not h(v)
        ):
            return f"The right result {words}. Yours does not."
    return None


RULES = [function_of_the_right_result, constant_factor, constant_amount, moved]
LAST_RULES = [rows_off, edge_cases, wrong_places, missing_property]

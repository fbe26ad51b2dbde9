"""What is wrong with a drawn Figure, in words: small or covered text, text over the edge, hidden data."""

import itertools

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection
from matplotlib.text import Text


def flaws(figure):
    """A list of texts, empty for a picture that can be read as a whole. `to_png` must have drawn the Figure before."""
    figure.dpi = 90  # as in `to_png`: labels of axes keep the places, in pixels, that it gave them
    renderer = FigureCanvasAgg(figure).get_renderer()
    found = [*cut_off(figure, renderer), *overlaps(figure, renderer)]
    return [*found, *unlabelled(figure), *hidden(figure), *too_small(figure)]


def words(figure):
    """Every text that is drawn, but for the numbers at ticks, with the legends as a whole."""
    found = [*figure.texts, *figure.legends, figure._suptitle, figure._supxlabel, figure._supylabel]
    for ax in shown_axes(figure):
        found += [ax.title, ax._left_title, ax._right_title, ax.get_legend()]
        found += [ax.xaxis.label, ax.yaxis.label] if ax.axison else []
    return [part for part in dict.fromkeys(found) if part and part.get_visible() and text_of(part).strip()]


def text_of(part):
    return part.get_text() if hasattr(part, "get_text") else " / ".join(text.get_text() for text in part.get_texts())


def shown_axes(figure):
    children = [child for ax in figure.axes for child in ax.child_axes]
    return [ax for ax in [*figure.axes, *children] if ax.get_visible()]


def tick_labels(axis):
    """The texts at the ticks inside the limits of an axis."""
    low, high = sorted(axis.get_view_interval())
    slack = 1e-6 * (high - low)
    places = zip(axis.get_ticklabels(), axis.get_ticklocs(), strict=False)
    return [label for label, place in places if low - slack <= place <= high + slack and label.get_text().strip()]


def cut_off(figure, renderer):
    numbers = [label for ax in shown_axes(figure) for axis in axes_of(ax) for label in tick_labels(axis)]
    for part in words(figure) + numbers:
        box = part.get_window_extent(renderer)
        edge = figure.bbox
        if box.x0 < edge.x0 - 1 or box.y0 < edge.y0 - 1 or box.x1 > edge.x1 + 1 or box.y1 > edge.y1 + 1:
            yield f"cut off: {text_of(part)!r}"


def overlaps(figure, renderer):
    parts = [(text_of(part), part.get_window_extent(renderer)) for part in words(figure)]
    for (one, box), (other, box2) in itertools.combinations(parts, 2):
        if overlap(box, box2):
            yield f"{one!r} lies over {other!r}"
    for ax, other in itertools.permutations(shown_axes(figure), 2):
        for axis in axes_of(ax):
            label, box = axis.label.get_text(), axis.label.get_window_extent(renderer)
            if label and not overlap(ax.bbox, other.bbox) and overlap(box, other.bbox):
                yield f"{label!r} lies over the picture beside it"
    for ax in shown_axes(figure):
        for axis in axes_of(ax):
            labels = tick_labels(axis)
            for one, other in itertools.pairwise(labels):
                if overlap(one.get_window_extent(renderer), other.get_window_extent(renderer)):
                    yield f"numbers at ticks: {text_of(one)!r} lies over {text_of(other)!r}"


def overlap(one, other, slack=1):
    """True where two boxes share more than a strip of `slack` pixels."""
    across = min(one.x1, other.x1) - max(one.x0, other.x0)
    upright = min(one.y1, other.y1) - max(one.y0, other.y0)
    return across > slack and upright > slack


def axes_of(ax):
    return [ax.xaxis, ax.yaxis] if ax.axison else []


def unlabelled(figure):
    """Axes with numbers at their ticks need a label; words at the ticks speak for themselves."""
    for ax in shown_axes(figure):
        for axis in axes_of(ax):
            texts = [label.get_text() for label in tick_labels(axis) if label.get_visible()]
            if any(is_number(text) for text in texts) and not axis.label.get_text():
                yield f"no label at the axis with {', '.join(texts)} ({ax.get_title()!r})"


def too_small(figure, points=9, inches=11):
    """Texts under 9 points, and a picture so wide that pages shrink it with its texts."""
    width = figure.get_size_inches()[0]
    if width > inches:
        yield f"{width:.1f} inches wide: pages show it smaller, with its texts"
    for text in figure.findobj(Text):
        if text.get_text().strip() and text.get_visible() and text.get_fontsize() < points:
            yield f"under {points} points: {text.get_text()!r}"


def hidden(figure):
    """Points and bars that lie outside the limits of their axes."""
    for ax in shown_axes(figure):
        drawn = [(line.get_label(), line.get_transform(), line.get_xydata()) for line in ax.lines]
        drawn += [(p.get_label(), p.get_transform(), p.get_path().vertices) for p in ax.patches if p.get_clip_on()]
        for points in ax.collections:
            if isinstance(points, PathCollection):
                drawn.append((points.get_label(), points.get_offset_transform(), points.get_offsets()))
        low, high = ax.bbox.get_points() + [[-3], [3]]  # pixels
        for name, transform, places in drawn:
            places = np.ma.filled(np.ma.asarray(places, float), np.nan)
            pixels = transform.transform(places[np.isfinite(places).all(axis=1)])
            if np.any((pixels < low) | (pixels > high)):
                yield f"outside the limits: {name!r} ({ax.get_title()!r})"


def is_number(text):
    try:
        float(text.replace("\u2212", "-").strip("% "))
    except ValueError:
        return False
    return True

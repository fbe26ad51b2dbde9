"""Pictures of notebook 11, your own images: arrays and numbers in, a Matplotlib Figure out."""

import itertools

import numpy as np
from matplotlib.ticker import NullLocator

from cct_helpers.figures import (
    BLUE,
    COLOURS,
    GREEN,
    GREY,
    ORANGE,
    PALE,
    SEEDS,
    draw_arrow,
    draw_box,
    draw_classes,
    draw_image,
    draw_overlay,
    draw_seeds,
    name_rows,
    new_figure,
)

MOST_CLASSES, MOST_PROBLEMS = 20, 6  # that a survey has room to name


def draw_survey(sizes, counts, problems=(), size=None):
    """What a folder holds: sizes as dots, classes as bars, broken files by name.

    Args:
        sizes: (n, 2), height and width of the files that could be read, in pixels.
        counts: part -> {class name: images}.
        problems: a text for each file that can't be read.
        size: (height, width) that the model will get, as a cross.
    """
    rows = min(len(problems), MOST_PROBLEMS + 1)
    figure, (left, right) = new_figure(1, 2, width=9, height=3.2 + 0.25 * rows, width_ratios=(1, 1.3))
    each, files = np.unique(np.reshape(sizes, (-1, 2)), axis=0, return_counts=True)
    left.scatter(each[:, 1], each[:, 0], s=18 + 90 * files / max(files.max(initial=1), 1), color=BLUE, alpha=0.6)
    if size is not None:
        left.plot(size[1], size[0], "+", color=ORANGE, markersize=14, markeredgewidth=3, label="what the model gets")
        left.legend(loc="lower right")
    high, wide = 1.12 * np.max([*each, size or (1, 1)], axis=0)
    left.set(xlim=(0, wide), ylim=(0, high), xlabel="width (pixels)", ylabel="height (pixels)")
    left.set_title(f"{len(sizes)} files of {len(each)} sizes" if len(each) != 1 else f"{len(sizes)} files of one size")

    names = list(dict.fromkeys(itertools.chain.from_iterable(counts.values())))
    below = np.zeros(len(names))
    for (part, own), colour in zip(counts.items(), COLOURS, strict=False):
        heights = np.array([own.get(name, 0) for name in names])
        right.bar(range(len(names)), heights, bottom=below, color=colour, label=part or "not split")
        below += heights
    few = len(names) <= MOST_CLASSES
    turned = 90 if max(map(len, names), default=0) > 4 else 0
    right.set_xticks(range(len(names)) if few else [], names if few else [], rotation=turned)
    fewest, most = below.min(initial=np.inf), below.max(initial=0)
    right.set(xlabel="class", ylabel="images", title=f"{len(names)} classes of {fewest:.0f} to {most:.0f} images")
    right.legend()
    if problems:
        lines = [*problems[:MOST_PROBLEMS], *([f"and {len(problems) - MOST_PROBLEMS} more"] * (rows > MOST_PROBLEMS))]
        figure.supxlabel("\n".join(lines), fontsize=9, color="#B00000", x=0.02, ha="left")
    return figure


PARTS = {  # what a part of the model is given when it starts from trained weights
    "tokenizer\nconvolutions": ("copied", BLUE),
    "positions\na row a token": ("resized to the new grid", GREEN),
    "blocks\nattention, MLP": ("copied", BLUE),
    "norm,\npooling": ("copied", BLUE),
    "head\na row a class": ("new, for your classes", ORANGE),
}


def draw_start(old, new):
    """Which parts of a trained model are copied, resized or new when it starts on other images.

    Args:
        old: (height, width, classes) of the trained model.
        new: the same of the one that starts.
    """
    figure, ax = new_figure(width=10, height=2.5, margins=dict(left=0.01, right=0.99, bottom=0.02, top=0.98))
    ax.set(xlim=(0, 10), ylim=(0, 2.5))
    ax.set_axis_off()
    middle = dict(ha="center", va="center")
    ax.text(0.55, 1.375, f"{old[0]} x {old[1]}\nnow\n{new[0]} x {new[1]}\npixels", fontsize=10, **middle)
    ax.text(9.45, 1.375, f"{old[2]} classes\nnow\n{new[2]}", fontsize=10, **middle)
    for place, (name, (state, colour)) in enumerate(PARTS.items()):
        x = 1.2 + 1.55 * place
        look = dict(boxstyle="round,pad=0.02,rounding_size=0.08", facecolor=colour, edgecolor="none")
        draw_box(ax, x + 0.625, 1.375, 1.25, 0.85, name, ink="black" if colour == ORANGE else "white", **look)
        state = state.replace(" to ", "\nto ").replace(", ", ",\n")
        ax.text(x + 0.625, 0.85, state, fontsize=10, ha="center", va="top")
        draw_arrow(ax, (x - 0.27, 1.375), (x - 0.04, 1.375), arrowstyle="->")
    draw_arrow(ax, (8.69, 1.375), (8.96, 1.375), arrowstyle="->")
    ax.text(5, 2.3, "Most of a trained model is copied; positions are resized, the head is new", fontsize=12, **middle)
    ax.text(5, 0.1, "The normalisation in front stays that of the old images.", fontsize=10, **middle)
    return figure


def draw_class_scores(accuracies, counts, class_names):
    """The share of right answers of each class beside the number of images that it was learned from.

    Args:
        accuracies: (classes,) from 0 to 1, nan where nothing was tested.
        counts: (classes,) training images.
        class_names: (classes,) texts.
    """
    percent = 100 * np.nan_to_num(accuracies)
    worst = int(np.nanargmin(accuracies))
    wide = min(max(0.62 * len(counts), 5), 10)
    figure, ax = new_figure(width=wide, height=3)
    ax.bar(range(len(counts)), percent, color=[ORANGE if place == worst else BLUE for place in range(len(counts))])
    labels = [f"{name}\n{count}" for name, count in zip(class_names, counts, strict=True)]
    ax.set_xticks(range(len(counts)), labels if len(labels) <= MOST_CLASSES else [""] * len(labels))
    ax.axhline(100 * np.nanmean(accuracies), color="black", linestyle="--", linewidth=1.2, label="mean of the classes")
    ax.set(ylim=(0, 118), yticks=range(0, 101, 25), ylabel="right on test (%)", xlabel="class, and its training images")
    hidden = not np.isclose(accuracies[worst], np.nanmean(accuracies))
    ax.set_title("The mean hides how the classes differ" if hidden else "Every class does as well as the mean")
    ax.legend(loc="upper right", ncols=2)
    return figure


def draw_ways(accuracies, rare, titles=("all classes", "the rare classes"), message=None):
    """Ways to train, one row each.

    Args:
        accuracies: way -> (runs, classes), shares from 0 to 1.
        rare: the class numbers of the picture on the right; the one on the left is the mean over all classes.
        titles: of the two.
        message: what the picture says.
    """
    figure, axes = new_figure(1, 2, width=8, height=0.45 * len(accuracies) + 1.6, sharey=True)
    figure.suptitle(message or "", fontsize=12)
    for ax, title, classes in zip(axes, titles, (slice(None), list(rare)), strict=True):
        for row, values in enumerate(accuracies.values()):
            draw_seeds(ax, 100 * np.asarray(values)[:, classes].mean(axis=1), row, BLUE)
        name_rows(ax, list(accuracies))
        ax.set(title=title, xlabel=f"right, mean over classes (%)\n{SEEDS}", xlim=(0, 102))
    return figure


def draw_splits(frames, splits, objects, scores):
    """Frames of some objects, which of them are tested in two ways to split, and how well a model does on those.

    The title says the mean of each way.

    Args:
        frames: (objects, some of the frames, height, width, channels) uint8.
        splits: title -> (objects, frames) bool, True for a frame that is tested.
        objects: their names.
        scores: title -> (n,) accuracies from 0 to 1, one for each split of that kind.
    """
    few = frames.shape[1]
    widths = dict(width_ratios=(0.42 * few, *[2] * len(splits), 0.35, 2.4))
    margins = dict(left=0.09, right=0.985, bottom=0.2, top=0.84, wspace=0.12)
    figure, axes = new_figure(1, len(splits) + 3, width=10, height=3.9, margins=margins, **widths)
    means = (f"{100 * np.mean(values):.0f} % {name}" for name, values in scores.items())
    figure.suptitle(f"Right on tested frames, depending on the split: {', '.join(means)}", fontsize=12)
    for row, column in np.ndindex(frames.shape[:2]):
        draw_image(axes[0], frames[row, column], extent=(column - 0.46, column + 0.46, row + 0.46, row - 0.46))
    for drawn in axes[0].images:
        drawn.set_interpolation("nearest")
    axes[0].set(title=f"{few} frames of each", xlim=(-0.5, few - 0.5))
    for ax, (title, tested) in zip(axes[1:], splits.items(), strict=False):
        rows, columns = np.indices(tested.shape)
        for chosen, colour, label in ((tested, ORANGE, "tested"), (~tested, PALE, "learned from")):
            look = dict(marker="s", s=70, color=colour, edgecolor=GREY, linewidth=0.5, label=label)
            ax.scatter(columns[chosen], rows[chosen], **look)
        ax.set(title=title, xlabel="frames", xticks=[], yticks=[], xlim=(-0.8, tested.shape[1] - 0.2))
        ax.spines[:].set_visible(False)
    axes[-2].set_axis_off()  # room for the names to its right
    for ax in axes[:-2]:
        ax.set_ylim(len(objects) - 0.5, -0.5)
    axes[0].set_yticks(range(len(objects)), objects)
    axes[0].tick_params(length=0)
    axes[0].set_aspect("auto")
    figure.legend(*axes[1].get_legend_handles_labels(), loc="lower center", ncols=2, frameon=False)
    last = axes[-1]
    for row, values in enumerate(scores.values()):
        draw_seeds(last, 100 * np.asarray(values), row, ORANGE)
    name_rows(last, list(scores))
    last.set_yticks(range(len(scores)), [name.replace(" ", "\n") for name in scores])
    last.axvline(50, color="black", linestyle="--", linewidth=1.2)
    last.set(xlim=(0, 104), title="right on tested frames")
    last.set_xlabel("accuracy (%); dashed: guessing\nsmall: a split, large: the mean")
    return figure


def draw_at_sizes(pictures, message=None):
    """The same photo at several sizes, side by side.

    Args:
        pictures: list of (side, side, channels) uint8, of different sides.
        message: what the picture says.
    """
    figure, axes = new_figure(1, len(pictures), width=2 * len(pictures), height=2.3 + 0.35 * bool(message))
    figure.suptitle(message or "", fontsize=12)
    for ax, picture in zip(axes, pictures, strict=True):
        draw_image(ax, picture, f"{picture.shape[0]} x {picture.shape[1]}")
        ax.images[0].set_interpolation("nearest")
    return figure


def draw_choices(questions, message=None):
    """What several choices gave, a panel for each question, two in a row, all on one scale.

    Args:
        questions: an even number of them, title -> (label of the choices, {name of a line: {choice: (runs,) shares from
            0 to 1}}). Choices that are numbers lie on a logarithmic axis, others are named.
        message: what the picture says.
    """
    rows = len(questions) // 2
    figure, axes = new_figure(rows, 2, width=8, height=2.8 * rows + 0.35 * bool(message))
    figure.suptitle(message or "", fontsize=12)
    for ax, (title, (label, lines)) in zip(axes.flat, questions.items(), strict=True):
        for (name, runs), colour, marker in zip(lines.items(), COLOURS, "osD^", strict=False):
            choices, values = list(runs), 100 * np.array(list(runs.values()))  # (choices, runs)
            named = isinstance(choices[0], str)
            places = np.arange(len(choices))[:, np.newaxis] if named else np.array(choices)[:, np.newaxis]
            if named:
                draw_seeds(ax, values, places, colour)
                name_rows(ax, [choice.replace(", ", ",\n") for choice in choices])
            else:
                draw_seeds(ax, places, values, colour, marker=marker, line="-", label=name)
        if named:
            ax.set(xlim=(0, 103), xlabel=label)
        else:
            ticks = sorted(set().union(*lines.values()))
            ax.set_xscale("log")
            ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
            ax.xaxis.set_minor_locator(NullLocator())
            ax.set(ylim=(0, 128), yticks=range(0, 101, 25), xlabel=label, ylabel="right (%)")
            if len(lines) > 1:  # above 100 %, where no dot is
                tight = dict(fontsize=9, handletextpad=0, columnspacing=1)
                ax.legend(loc="upper center", ncols=len(lines), frameon=False, **tight)
        ax.set_title(title)
    return figure


def draw_answer(image, seen, probabilities, class_names, weights, grid):
    """What a model makes of an image: the image, the pooling weights over what the model gets, its best classes.

    Args:
        image: (height, width, channels) uint8 of any size.
        seen: the same at the model's size.
        probabilities: (classes,).
        class_names: (classes,) texts.
        weights: (tokens,) that sum to 1.
        grid: (rows, columns) of the tokens.
    """
    margins = dict(left=0.01, right=0.98, bottom=0.14, top=0.83, wspace=0.22)
    shape = dict(width=9, height=3.9, width_ratios=(1, 1, 0.8))
    figure, (photo, model, bars) = new_figure(1, 3, margins=margins, **shape)
    best = int(np.argmax(probabilities))
    said = f"{class_names[best]}, with a probability of {100 * probabilities[best]:.0f} %"
    figure.suptitle(f"It says {said}", fontsize=12)
    draw_image(photo, image, f"your image, {image.shape[0]} x {image.shape[1]}")
    draw_overlay(model, seen, weights, grid, f"pooling weights, up to {weights.max() * weights.size:.1f} x uniform")
    draw_classes(bars, probabilities, class_names, title="its best classes")
    bars.set_ylabel("class")  # names may be numbers
    return figure

"""From trained weights and few images to a model of your own: a new head, balanced classes, accuracy by class."""

import hashlib

import numpy as np

from cct_helpers import weights


def start_from(name, data):
    """A model for `data` that starts with the weights of a shipped model and a new, untrained head.

    Args:
        name: one of `weights.pretrained_names()`.
        data: a `Dataset`; its images decide about the input shape, its class names about the head.

    Images of another size get another grid of tokens, and the learned position table is resized to it. The model takes
    raw pixels, with the normalization that its weights were trained with. Returns a keras.Model.
    Raises ValueError for an unknown name, and for images with another number of channels than the weights.
    """
    trained = weights.load_pretrained(name)
    shape, channels = data.x_train.shape[1:], trained.input_shape[-1]
    if shape[2] != channels:
        raise ValueError(
            f"{name} was trained on {channels} channels, your images have {shape[2]}: load the folder "
            f"with channels={channels}."
        )
    model = weights.build_from_card(trained.card, shape, len(data.class_names))
    return weights.load_reference_weights(model, with_head_of(model, weights.reference_weights(trained)))


def with_head_of(model, state):
    """The arrays of `state`, by the authors' names, but for the head, which is that of `model`.

    Without this a file with as many classes as the model, but other ones, would bring its own head along.
    """
    head = {name: array for name, array in weights.reference_weights(model).items() if name.startswith("classifier.fc")}
    return {**state, **head}


def freeze_all_but_head(model):
    """Let only the last layer learn, and return the model. Compile it afterwards, as `fit` does."""
    for layer in model.layers:
        layer.trainable = layer.name == "head"
    return model


def balanced(data, seed=0):
    """`data` with training images of the rarer classes repeated until every class has as many as the largest.

    Each image of a class is used once before one is used twice. Validation and test images stay as they are: a repeated
    image on both sides of a split would be a leak. Returns a `Dataset`.
    """
    rng = np.random.default_rng(seed)
    counts = np.bincount(data.y_train, minlength=len(data.class_names))
    chosen = []
    for label in np.flatnonzero(counts):
        own = np.flatnonzero(data.y_train == label)
        rounds = -(-counts.max() // len(own))  # rounded up
        chosen.append(np.concatenate([rng.permutation(own) for _ in range(rounds)])[: counts.max()])
    chosen = rng.permutation(np.concatenate(chosen))
    return data._replace(x_train=data.x_train[chosen], y_train=data.y_train[chosen])


def class_accuracies(logits, labels):
    """The share of right answers for each class (its recall): logits (n, classes), labels (n,) -> (classes,).

    A class without an image gets nan. The mean over classes is the *balanced accuracy*: guessing the largest class
    gives 1 / classes, whatever its share.
    """
    right = np.argmax(logits, axis=1) == labels
    counts = np.bincount(labels, minlength=np.shape(logits)[1])
    hits = np.bincount(labels, weights=right, minlength=len(counts))
    return np.where(counts > 0, hits / np.maximum(counts, 1), np.nan)


def model_card(title, *, purpose, data, sources, accuracies, training, limits, files):
    """A short model card in Markdown, after Mitchell et al., Model Cards (https://arxiv.org/abs/1810.03993).

    Args:
        title, purpose, sources, training, limits: texts. What it is called; what it is for and what not; where the
            images come from; how it was trained; where it is known to fail.
        data: the `Dataset`; images are counted by class and part.
        accuracies: (classes,) from `class_accuracies` on the test images.
        files: name -> bytes of each file that is handed out; the card keeps the beginning of its SHA-256.

    Raises ValueError for an empty text: a card that leaves a question open does not say so by itself.
    """
    texts = {"title": title, "purpose": purpose, "sources": sources, "training": training, "limits": limits}
    for name, text in texts.items():
        if not text.strip():
            raise ValueError(f"The model card has no {name}: say at least that it is not known.")
    counts = [np.bincount(y, minlength=len(data.class_names)) for y in (data.y_train, data.y_val, data.y_test)]
    rows = [
        f"| {name} | {' | '.join(map(str, numbers))} | {accuracy:.0%} |"
        for name, accuracy, *numbers in zip(data.class_names, accuracies, *counts, strict=True)
    ]
    height, width, channels = data.x_train.shape[1:]
    hashes = [f"- `{name}`: SHA-256 {hashlib.sha256(content).hexdigest()[:16]}..." for name, content in files.items()]
    return "\n".join(
        [f"# {title}", "", f"**Purpose.** {purpose}", "", f"**Images.** {sources}", "", f"**Training.** {training}", ""]
        + [f"**Input.** {height} x {width} pixels, {channels} channels, raw values 0 to 255.", ""]
        + ["| class | train | validation | test | right on test |", "|---|---|---|---|---|", *rows, ""]
        + [f"Balanced accuracy on the test images: {np.nanmean(accuracies):.1%}.", ""]
        + [f"**Limits.** {limits}", "", "**Files.**", "", *hashes]
    )

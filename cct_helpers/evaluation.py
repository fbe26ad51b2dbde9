"""How good a model is: logits, top-1, top-5 and loss of a set of images. Keras and NumPy only, on every backend."""

import keras
import numpy as np


def predict(model, images, batch_size=256):
    """Logits of `images` in evaluation mode: (n, height, width, channels) -> (n, classes) float32 array."""
    images = np.asarray(images)
    logits = np.zeros((len(images), model.output_shape[-1]), "float32")
    size = min(batch_size, len(images))
    for start in range(0, len(images), batch_size):
        batch = images[start : start + size].astype("float32")
        missing = size - len(batch)  # the last batch is filled up, as another shape would be compiled anew
        batch = np.concatenate([batch, np.repeat(batch[-1:], missing, axis=0)])
        logits[start : start + size] = keras.ops.convert_to_numpy(model.predict_on_batch(batch))[: size - missing]
    return logits


def evaluate(model, images, labels, batch_size=256, label_smoothing=0.0):
    """Accuracy and mean cross-entropy of `model` on `images` (n, height, width, channels) with `labels` (n,).

    Returns a dict of floats: top1 and top5, the shares of images whose label has the highest logit or one of the five
    highest, and loss, in nats. Raises ValueError where there are no images, or where these do not fit the labels or
    the model.
    """
    classes = check_images(model, "images", images, labels)
    logits = predict(model, images, batch_size).astype("float64")
    log_probabilities = logits - logits.max(axis=1, keepdims=True)
    log_probabilities -= np.log(np.exp(log_probabilities).sum(axis=1, keepdims=True))
    targets = smooth(labels, classes, label_smoothing)
    ranked = np.argsort(-logits, axis=1, kind="stable") == np.asarray(labels)[:, None]
    return {
        "top1": float(ranked[:, 0].mean()),
        "top5": float(ranked[:, :5].any(axis=1).mean()),
        "loss": float(-(targets * log_probabilities).sum(axis=1).mean()),
    }


def smooth(labels, classes, smoothing):
    """Smoothed targets, (1 - smoothing) * one_hot + smoothing / classes: labels (n,) -> (n, classes)."""
    return (1 - smoothing) * np.eye(classes)[np.asarray(labels)] + smoothing / classes


def check_images(model, name, images, labels):
    """Number of classes of `model`; ValueError, naming the data, where images or labels do not fit it."""
    images, labels, expected = np.asarray(images), np.asarray(labels), tuple(model.input_shape[1:])
    fits = images.ndim == 4 and all(want in (None, have) for want, have in zip(expected, images.shape[1:], strict=True))
    if not fits:
        raise ValueError(
            f"{name} has images of shape {images.shape[1:]}, but the model takes {expected} (height, width, channels): "
            f"build it with input_shape={images.shape[1:]}."
        )
    if len(images) == 0 or labels.shape != (len(images),) or labels.dtype.kind not in "iu":
        raise ValueError(
            f"Each image needs one whole number as its label: {name} has {len(images)} images, "
            f"its labels have shape {labels.shape} and type {labels.dtype}."
        )
    classes = model.output_shape[-1]
    if labels.min() < 0 or labels.max() >= classes:
        raise ValueError(
            f"The labels of {name} go from {labels.min()} to {labels.max()}, but the model has {classes} outputs, for "
            f"labels 0 to {classes - 1}: build it with num_classes={labels.max() + 1}, and let labels start at 0."
        )
    return classes

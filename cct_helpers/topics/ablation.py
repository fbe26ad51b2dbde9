"""Ablation: models with one part changed, a runner that trains a grid of settings and resumes, and its summary."""

import json
import os
import pathlib

import keras
import numpy as np

from cct_helpers.layers import ClassToken, Linear, PositionEmbedding
from cct_helpers.models import ImageModel, build_cct

POOLINGS = ("sequence", "average", "class_token")

# What notebook 09 takes out of CCT-2/3x2 or changes in it, one part at a time: arguments of `build_parts`.
PARTS = {
    "as_it_is": {},
    "convs_1": {"num_conv_layers": 1},
    "convs_3": {"num_conv_layers": 3},
    "kernel_1": {"kernel_size": 1, "padding": 0},
    "kernel_5": {"kernel_size": 5, "padding": 2},
    "layers_1": {"num_layers": 1},
    "layers_4": {"num_layers": 4},
    "heads_1": {"num_heads": 1},
    "heads_4": {"num_heads": 4},
    "position_none": {"position": "none"},
    "position_sine": {"position": "sine"},
    "pooling_class_token": {"pooling": "class_token"},
    "pooling_average": {"pooling": "average"},
    "depth_rate_0": {"stochastic_depth": 0.0},
    "depth_rate_30": {"stochastic_depth": 0.3},
}

# Two of these at once: is the sum of two differences the difference of both?
TWO_PARTS = {
    "kernel_1+position_none": {**PARTS["kernel_1"], **PARTS["position_none"]},
    "convs_1+layers_4": {**PARTS["convs_1"], **PARTS["layers_4"]},
}


def build_parts(variant="cct_2_3x2_32", *, pooling="sequence", **options):
    """A CCT whose pooling can be changed too.

    Args:
        variant: as in `build_cct`.
        pooling: "sequence", the paper's; "average", the mean of all tokens; or "class_token", a learned token put
            before the others and read at the end, as in a ViT.
        **options: as in `build_cct`.

    Returns:
        A keras.Model from images (batch, height, width, channels) to logits (batch, classes).

    Raises:
        ValueError: for another pooling, and as `build_cct` does.
    """
    if pooling not in POOLINGS:
        raise ValueError(f"pooling must be one of {', '.join(POOLINGS)}, got {pooling!r}.")
    model = build_cct(variant, **options)
    if pooling == "sequence":
        return model
    x = model.get_layer("tokenizer").output
    if pooling == "class_token":
        x = ClassToken(name="class_token")(x)
    # From here on the sequence may be longer by one: layers of the same settings, with weights of their own.
    x = PositionEmbedding.from_config(model.get_layer("position").get_config())(x)
    for layer in model.layers:
        if layer.name.startswith(("block_", "norm")) and layer.name != "normalization":
            x = layer.__class__.from_config(layer.get_config())(x)
    x = x[:, 0] if pooling == "class_token" else keras.layers.GlobalAveragePooling1D(name="pooling")(x)
    return ImageModel(model.input, Linear(model.output_shape[-1], dtype="float32", name="head")(x), name=variant)


def run_grid(train, settings, seeds, folder):
    """Train every setting with every seed; one file a run, so that a stopped grid goes on where it was.

    All settings come with the first seed before any comes with the second.

    Args:
        train: function of (setting, seed) that returns a dict of what was measured, numbers, texts and lists.
        settings: dict from a name to a setting, itself a dict of such values.
        seeds: whole numbers.
        folder: where `NAME_sSEED.json` is kept for each run, with its name, seed, setting and measurements; a run
            whose file is there is not trained again. It is made where it is missing.

    Returns:
        The runs, a list of dicts in that order.

    Raises:
        ValueError: for a file that cannot be read or was made with another setting.
    """
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    runs = []
    for seed in seeds:
        for name, setting in settings.items():
            path = folder / f"{name}_s{seed}.json"
            if not path.exists():
                run = {"name": name, "seed": seed, "setting": setting, **train(setting, seed)}
                temporary = path.with_suffix(".part")
                temporary.write_text(json.dumps(run, indent=1) + "\n", encoding="utf-8")
                os.replace(temporary, path)  # whole or not at all
            runs.append(_read(path, setting))
    return runs


def _read(path, setting):
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(run, dict) or "setting" not in run:
            raise ValueError("it has no setting")
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}): delete it, and its run is trained again.") from None
    if run["setting"] != json.loads(json.dumps(setting)):
        raise ValueError(f"{path} was made with {run['setting']}, not {setting}: delete it or choose another folder.")
    return run


def by_setting(runs, value="val_top1"):
    """What was measured, a row for each setting; the rows may differ in length.

    Args:
        runs: list of dicts, from `run_grid` or from a record.
        value: the measurement to show, or a function from a run to a number.

    Returns:
        A dict from a name to an array (seeds,), both in order of the runs.
    """
    measure = value if callable(value) else lambda run: run[value]
    found = {}
    for run in runs:
        found.setdefault(run["name"], []).append(measure(run))
    return {name: np.array(values) for name, values in found.items()}


def table(runs, value="val_top1"):
    """The runs as an array.

    Args:
        runs, value: as in `by_setting`.

    Returns:
        A list of names, and an array (settings, seeds), both in order of the runs.

    Raises:
        ValueError: where the settings do not all have the same seeds.
    """
    seeds = {name: values.tolist() for name, values in by_setting(runs, "seed").items()}
    for name in seeds:
        if seeds[name] != next(iter(seeds.values())):
            first = next(iter(seeds))
            raise ValueError(
                f"All settings need the same seeds: {first} has {seeds[first]}, {name} has {seeds[name]}. "
                "Finish the grid, or leave out the seeds that are not complete."
            )
    return list(seeds), np.array(list(by_setting(runs, value).values()))

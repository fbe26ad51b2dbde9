"""Load weights: the authors' PyTorch checkpoints, and the trained models that come with this course."""

import hashlib
import json
import pathlib
import re

import keras
import numpy as np

from cct_helpers import models
from cct_helpers.attention import blocks_of
from cct_helpers.layers import resize_positions, sine_positions

SHIPPED = pathlib.Path(__file__).with_suffix("")  # the folder weights/ beside this file
CARD_FORMAT = 1
TORCH_SUFFIXES = (".pth", ".pt", ".bin", ".tar", ".ckpt")
STATE_DICTS = ("state_dict", "model", "model_state_dict", "model_state", "state_dict_ema", "model_ema", "ema")
WRAPPED = re.compile(r"(?:module\.|_orig_mod\.|model\.|weight/)")


def read_state_dict(path):
    """Read a state dict from a file: `.npz`, `.safetensors`, or PyTorch's `.pth`, `.pt`, `.bin`, `.tar`, `.ckpt`.

    Nothing is unpickled but tensors, plain containers and the `argparse.Namespace` that the authors' `train.py` saves
    beside the weights: PyTorch is imported only for its own files and reads them with `weights_only=True`. A file that
    has several state dicts, such as `state_dict` and `state_dict_ema`, gives the first; a line says so.

    Args:
        path: of the file.

    Returns:
        A dict of NumPy arrays by the names in the file.

    Raises:
        FileNotFoundError: where there is no such file.
        ImportError: for a format whose package is not installed.
        ValueError: for a file that can't be read as weights.
    """
    path = pathlib.Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"There is no weights file at {path}.")
    suffix = path.suffix.lower()
    try:
        if suffix == ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                return {name: arrays[name] for name in arrays.files}
        if suffix == ".safetensors":
            from safetensors.numpy import load_file

            return load_file(path)
        if suffix in TORCH_SUFFIXES:
            loaded = _load_torch(path)
    except ImportError as error:
        raise ImportError(f"{path.name} needs the package {error.name}: pip install {error.name}.") from error
    except Exception as error:
        raise ValueError(f"{path} could not be read as weights{_why_not(error)}") from error
    if suffix not in TORCH_SUFFIXES:
        raise ValueError(f"{path.name}: weights are read from .npz, .safetensors, {', '.join(TORCH_SUFFIXES)} files.")
    return _tensors_in(path, loaded)


def _load_torch(path):
    """What a file of `torch.save` holds: tensors, plain containers, and a Namespace of settings."""
    import argparse

    import torch

    with torch.serialization.safe_globals([argparse.Namespace]):
        return torch.load(path, map_location="cpu", weights_only=True)


def _why_not(error):
    """Why a file could not be read, and what to do, without PyTorch's advice to unpickle whatever is in it."""
    alone = "save the tensors alone where it was made: torch.save(model.state_dict(), path)."
    stranger = re.search(r"(?:GLOBAL|Unsupported global: GLOBAL|Unsupported class) ([\w.]+)", str(error))
    if stranger:
        return (
            f": it holds more than tensors, an object of {stranger[1]}, and unpickling one may run whatever the file "
            f"says. Where you trust its maker, {alone}"
        )
    if "TorchScript" in str(error):
        return f": it is a TorchScript program. Please {alone}"
    said = "" if "weights_only" in str(error) else f": {error}"
    return f" ({type(error).__name__}{said}). It may be cut short or of another kind: fetch it again."


def _tensors_in(path, loaded):
    """name -> float32 array, from what a file of PyTorch holds; of several state dicts the first, which is said."""
    if not isinstance(loaded, dict):
        raise ValueError(
            f"{path} could not be read as weights: it holds a {type(loaded).__name__}, not tensors by name: save "
            "model.state_dict() instead."
        )
    order = [*STATE_DICTS, *(key for key in loaded if key not in STATE_DICTS)]
    found = [key for key in order if isinstance(loaded.get(key), dict) and _tensors(loaded[key])]
    if len(found) > 1:
        others = " and ".join(map(repr, found[1:]))
        print(f"{path.name} has {len(found)} state dicts: {found[0]!r} is taken, {others} left out.")
    state = loaded[found[0]] if found else loaded
    strange = sorted(str(name) for name in state if name not in _tensors(state))
    if not state or strange:
        raise ValueError(
            f"{path} could not be read as weights: tensors by name are wanted, but it has "
            f"{', '.join(strange[:5]) or 'none'}: save model.state_dict() alone, or under the key 'state_dict'."
        )
    return {name: _as_array(tensor) for name, tensor in state.items()}


def _tensors(state):
    return {name: value for name, value in state.items() if hasattr(value, "detach")}


def bare_names(state):
    """The state dict without what wrappers put before the authors' names.

    These are "module." (DataParallel), "_orig_mod." (torch.compile), "model." (Lightning) and "weight/" (the golden
    files of the tests), in any order and number. A prefix is dropped where every name has one.

    Args:
        state: a dict by names.

    Returns:
        The same values by the bare names.
    """
    while state and all(WRAPPED.match(str(name)) for name in state):
        state = {WRAPPED.sub("", str(name), count=1): value for name, value in state.items()}
    return state


def load_reference_weights(model, state_dict_or_path):
    """Put weights of the authors' PyTorch code (SHI-Labs/Compact-Transformers) into a model.

    Args:
        model: from `build_cct`, `build_cvt` or `build_vit_lite`, with the same sizes as the checkpoint.
        state_dict_or_path: a dict of arrays or PyTorch tensors by the authors' names (`bare_names` drops what wrappers
            put before them), or the path of a file that `read_state_dict` reads.

    A learned position table of another grid is resized (square grids in the file); a sine table in the file must be the
    model's own. A head with another number of classes stays as it is, and a line says so. Returns the model.
    Raises ValueError, listing the names, for missing, unexpected or misshapen entries; the model is then unchanged.
    """
    source = state_dict_or_path
    state = dict(source) if hasattr(source, "items") else read_state_dict(source)
    state = {name: _as_array(value) for name, value in bare_names(state).items()}
    wanted = _variables_by_name(model)
    state = _fit_positions(model, state, wanted)

    notes = []
    if state.get("classifier.fc.bias") is not None and state["classifier.fc.bias"].shape != model.output_shape[1:]:
        notes.append(
            f"The file has {len(state.pop('classifier.fc.bias'))} classes, the model {model.output_shape[-1]}: "
            "the model keeps its own, untrained head."
        )
        state.pop("classifier.fc.weight", None)
        for name in ("classifier.fc.weight", "classifier.fc.bias"):
            wanted.pop(name)

    missing, unexpected = sorted(set(wanted) - set(state)), sorted(set(state) - set(wanted))
    arrays = {name: _swap_axes(state[name]) for name in wanted if name in state}
    misshapen = [
        f"{name} (file {arrays[name].shape}, model {tuple(wanted[name].shape)}, in Keras order)"
        for name in arrays
        if arrays[name].shape != tuple(wanted[name].shape)
    ]
    problems = [
        f"{kind}: {', '.join(names)}"
        for kind, names in (("missing", missing), ("unexpected", unexpected), ("of another shape", misshapen))
        if names
    ]
    if problems:
        raise ValueError(
            f"These weights do not fit {model.name}. Entries {'; '.join(problems)}. "
            "Build the model with the checkpoint's own sizes and position kind."
        )
    for name, array in arrays.items():
        wanted[name].assign(array)
    for note in notes:
        print(note)
    return model


def _as_array(value):
    """A NumPy array of a number array or a PyTorch tensor, which may require a gradient or be in bfloat16."""
    return value.detach().cpu().float().numpy() if hasattr(value, "detach") else np.asarray(value)


def reference_weights(model):
    """The model's weights under the authors' names and in PyTorch's axis order; `load_reference_weights` undoes it.

    Args:
        model: from `build_cct`, `build_cvt` or `build_vit_lite`.

    Returns:
        A dict of float32 arrays; `torch.from_numpy` makes them a state dict for the authors' code. A sine position
        table is not among the weights.
    """
    return {
        name: _swap_axes(keras.ops.convert_to_numpy(variable), back=True)
        for name, variable in _variables_by_name(model).items()
    }


def _variables_by_name(model):
    """The model's variables under the authors' names."""
    layers = {layer.name: layer for layer in model.layers}
    tokenizer = layers["tokenizer"]
    named = {}
    for i, conv in enumerate(getattr(tokenizer, "convs", None) or [tokenizer.conv]):
        named[f"tokenizer.conv_layers.{i}.0.weight"] = conv.kernel
        if conv.use_bias:
            named[f"tokenizer.conv_layers.{i}.0.bias"] = conv.bias
    if "class_token" in layers:
        named["classifier.class_emb"] = layers["class_token"].token
    if layers["position"].kind == "learned":
        named["classifier.positional_emb"] = layers["position"].table
    for i, block in enumerate(blocks_of(model)):
        prefix = f"classifier.blocks.{i}"
        named[f"{prefix}.self_attn.qkv.weight"] = block.attention.qkv.kernel
        named |= _weight_and_bias(f"{prefix}.self_attn.proj", block.attention.projection)
        for name in ("pre_norm", "norm1", "linear1", "linear2"):
            named |= _weight_and_bias(f"{prefix}.{name}", getattr(block, name))
    named |= _weight_and_bias("classifier.norm", layers["norm"])
    if "pooling" in layers:
        named |= _weight_and_bias("classifier.attention_pool", layers["pooling"].score)
    return named | _weight_and_bias("classifier.fc", layers["head"])


def _weight_and_bias(prefix, layer):
    weight = layer.gamma if hasattr(layer, "gamma") else layer.kernel
    return {f"{prefix}.weight": weight, f"{prefix}.bias": layer.beta if hasattr(layer, "gamma") else layer.bias}


def _swap_axes(array, back=False):
    """PyTorch's axis order to Keras's: convolutions (out, in, h, w) -> (h, w, in, out), matrices transposed."""
    if array.ndim == 4:
        return array.transpose(3, 2, 0, 1) if back else array.transpose(2, 3, 1, 0)
    return array.T if array.ndim == 2 else array


def _fit_positions(model, state, wanted):
    """The state with its position table resized to the model's grid, or taken out where the model has none to train."""
    layer, name = model.get_layer("position"), "classifier.positional_emb"
    if name not in state or layer.kind == "none":
        return state
    table, others = state[name], {key: array for key, array in state.items() if key != name}
    if layer.kind == "sine":
        _check_sine(model, table)
        return others
    target = wanted[name].shape
    if table.ndim != 3 or table.shape == target or table.shape[2] != target[2]:
        return state
    extra = target[1] - layer.grid[0] * layer.grid[1]
    side = round((table.shape[1] - extra) ** 0.5)
    if side * side != table.shape[1] - extra:
        return state
    return {**others, name: resize_positions(table, (side, side), layer.grid)}


def _check_sine(model, table):
    """ValueError unless the table of a file is the fixed one that the model adds, up to the rounding of 16 bits."""
    own = sine_positions(table.shape[-2], table.shape[-1])  # a row is the same in a table of any length
    if not np.allclose(table, own, atol=0.01):
        raise ValueError(
            f"These weights do not fit {model.name}, which has sine positions: the table in the file is another one, "
            'probably learned. Build the model with position="learned".'
        )


def pretrained_names():
    """The names that `load_pretrained` knows."""
    return sorted(path.stem for path in SHIPPED.glob("*.json"))


def read_card(name):
    """The card of a shipped model: a dict with its data, recipe, seeds, accuracies, sha256 and how it was made."""
    if name not in pretrained_names():
        raise ValueError(f"There is no shipped model {name!r}. Known: {', '.join(pretrained_names()) or 'none'}.")
    try:
        card = json.loads((SHIPPED / f"{name}.json").read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"The card {name}.json is damaged ({error}): fetch {SHIPPED.name}/ again.") from error
    if card.get("format") != CARD_FORMAT:
        raise ValueError(
            f"The card {name}.json has format {card.get('format')}, this package reads {CARD_FORMAT}: "
            "take both from the same version of the course."
        )
    return card


def load_pretrained(name):
    """A trained model that comes with the course: it takes raw pixels, 0 to 255, and returns logits.

    Args:
        name: one of `pretrained_names()`.

    Returns a keras.Model; `model.card` is its card, with `class_names`. Nothing is downloaded.
    Raises ValueError for an unknown name, a card of another version, or a file that is damaged or cut short.
    """
    card = read_card(name)
    path = SHIPPED / f"{name}.npz"
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != card["sha256"]:
        raise ValueError(
            f"The weights {path.name} are missing, damaged or of another version than their card: fetch them again."
        )
    model = build_from_card(card, card["build"]["input_shape"], len(card["class_names"]))
    load_reference_weights(model, {key: array.astype("float32") for key, array in read_state_dict(path).items()})
    model.card = card
    return model


def build_from_card(card, input_shape, num_classes):
    """A model with the sizes and the normalization of a card, untrained, for images and classes of your own."""
    build = card["build"]
    return getattr(models, build["builder"])(
        build["variant"],
        input_shape=input_shape,
        num_classes=num_classes,
        normalization=(build["mean"], build["std"]),
        **build["overrides"],
    )

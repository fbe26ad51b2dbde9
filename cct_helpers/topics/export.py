"""A trained model as a file for other programs: .keras, SavedModel, ONNX, LiteRT; how each runs, its size and speed.

ONNX needs the packages tf2onnx, onnx and onnxruntime, LiteRT needs ai-edge-litert; requirements-dev.txt has them.
All but .keras are written with the TensorFlow backend.
"""

import contextlib
import importlib
import logging
import pathlib
import shutil
import statistics
import tempfile
from time import perf_counter

import keras
import numpy as np

from cct_helpers.environment import native_log_lines_hidden

FORMATS = {".keras": "Keras", "": "SavedModel", ".onnx": "ONNX", ".tflite": "LiteRT"}
OPSET = 17  # of ONNX, from 2022: read by every onnxruntime since 1.12


def export(model, path, *, eight_bits=False):
    """Write `model` to `path` in the format that its suffix names, for any number of images at a time.

    The file takes float32 images (batch, height, width, channels), called "images", and gives "logits"
    (batch, classes). Only a whole file takes the place of `path`; after an error everything is as before.

    Args:
        model: a Keras model from images to logits.
        path: ends with ".keras" (layers and weights, to go on training; needs Keras and this package), ".onnx",
            ".tflite", or has no suffix: then a SavedModel, which is a folder. What is there already is replaced.
        eight_bits: for ".tflite": keep the weights of convolutions and matrix products in 8 bits. The file shrinks to
            about a third, and the logits are no longer the same.

    Returns:
        The path.

    Raises:
        ValueError: for another suffix, a folder that does not exist, a backend other than TensorFlow, 8 bits in another
            format.
        ImportError: for a missing package, saying what to install.
    """
    path = pathlib.Path(path)
    kind = _format_of(path)
    if eight_bits and kind != "LiteRT":
        raise ValueError(f"Weights in 8 bits are written for LiteRT alone, not for {kind}: end the name with .tflite.")
    if not path.parent.is_dir():
        raise ValueError(f"There is no folder {path.parent} to write {path.name} to: make it first.")
    if kind != "Keras" and keras.backend.backend() != "tensorflow":
        raise ValueError(
            f"{kind} is written with the TensorFlow backend, this is {keras.backend.backend()}: save the model as "
            ".keras, restart with KERAS_BACKEND=tensorflow, load it with keras.saving.load_model and export that."
        )
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".export-") as folder:
        written = pathlib.Path(folder) / f"model{path.suffix}"
        with _quiet():
            WRITERS[kind](model, written, **({"eight_bits": True} if eight_bits else {}))
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        written.replace(path)
    return path


def load_exported(path):
    """Open an exported model with the runtime of its format, on the CPU or whatever that takes by itself.

    Returns a function: images (n, height, width, channels) of any number type -> logits (n, classes) float32.
    Raises FileNotFoundError, ValueError for a suffix or a file that is no such model, or ImportError as `export` does.
    """
    path = pathlib.Path(path)
    kind = _format_of(path)
    if not path.exists():
        raise FileNotFoundError(f"There is no exported model at {path}.")
    try:
        with _quiet():
            run = READERS[kind](path)
    except ImportError:
        raise
    except Exception as error:
        raise ValueError(
            f"{path} can't be opened as {kind} ({type(error).__name__}): export the model again."
        ) from error
    return lambda images: np.asarray(run(np.asarray(images, "float32")))


def size_on_disk(path):
    """Bytes of a file, or of all files in a folder."""
    path = pathlib.Path(path)
    return sum(file.stat().st_size for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file())


def milliseconds(run, images, repeats=10):
    """The median time of `run(images)`, in milliseconds, after one call to warm up."""
    run(images)
    times = []
    for _ in range(repeats):
        started = perf_counter()
        run(images)
        times.append(1000 * (perf_counter() - started))
    return statistics.median(times)


def _format_of(path):
    if path.suffix not in FORMATS:
        known = ", ".join(f"{suffix or 'no suffix'} for {name}" for suffix, name in FORMATS.items())
        raise ValueError(f"{path.name} does not say a format that is known here: {known}.")
    return FORMATS[path.suffix]


def _need(format_name, *names):
    """Import optional packages, or say in one error how to install them."""
    try:
        return [importlib.import_module(name) for name in names]
    except ImportError as error:
        projects = " ".join(name.split(".")[0].replace("_", "-") for name in names)
        raise ImportError(f"{format_name} needs other packages ({error}): pip install {projects}") from error


@contextlib.contextmanager
def _quiet():
    """Without the progress and the warnings of the converters; what goes wrong still comes as an exception."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with native_log_lines_hidden():
            yield
    finally:
        logging.disable(before)


def _traceable(model):
    """A tf.function from images to {"logits": ...}, in evaluation mode, for batches of any size."""
    import tensorflow as tf

    images = tf.TensorSpec((None, *model.input_shape[1:]), "float32", name="images")
    return tf.function(lambda images: {"logits": model(images, training=False)}, input_signature=[images])


def _write_saved_model(model, path):
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serve", _traceable(model))
    archive.write_out(str(path), verbose=False)


def _write_onnx(model, path):
    tf2onnx, onnx = _need("ONNX", "tf2onnx", "onnx")
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    # Frozen first: tf2onnx would make inputs of constants that a layer holds, such as the mean of a Normalization.
    frozen = convert_variables_to_constants_v2(_traceable(model).get_concrete_function())
    (images,), (logits,) = frozen.inputs, frozen.outputs
    proto, _ = tf2onnx.convert.from_graph_def(
        frozen.graph.as_graph_def(),
        name=model.name,
        input_names=[images.name],
        output_names=[logits.name],
        tensors_to_rename={images.name: "images", logits.name: "logits"},
        opset=OPSET,
        custom_op_handlers={"Erfc": (_erfc_as_erf, [])},
    )
    for end in (proto.graph.input[0], proto.graph.output[0]):
        end.type.tensor_type.shape.dim[0].dim_param = "batch"
    onnx.checker.check_model(proto, full_check=True)  # tf2onnx only logs an operation that it does not know
    path.write_bytes(proto.SerializeToString())


def _erfc_as_erf(graph, node, name, args):
    """TensorFlow computes the exact GELU with erfc, which ONNX does not have: erfc(x) = 1 - erf(x)."""
    shape, dtype = graph.get_shape(node.output[0]), graph.get_dtype(node.output[0])
    one = graph.make_const(f"{name}/one", np.ones((), "float32")).output[0]
    erf = graph.make_node("Erf", [node.input[0]]).output[0]
    graph.remove_node(node.name)
    graph.make_node("Sub", [one, erf], name=name, outputs=node.output, shapes=[shape], dtypes=[dtype])


def _write_litert(model, path, eight_bits=False):
    import tensorflow as tf

    with tempfile.TemporaryDirectory() as folder:
        _write_saved_model(model, folder)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.optimizations = [tf.lite.Optimize.DEFAULT] if eight_bits else []
        path.write_bytes(converter.convert())  # an error for operations that LiteRT does not have of its own


def _read_keras(path):
    model = keras.saving.load_model(path, compile=False)
    return lambda images: model.predict_on_batch(images)


def _read_saved_model(path):
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    # The function alone does not keep the weights alive, so `loaded` is named in it.
    return lambda images: loaded.serve(images)["logits"].numpy()


def _read_onnx(path):
    (onnxruntime,) = _need("ONNX", "onnxruntime")
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    return lambda images: session.run(["logits"], {"images": images})[0]


def _read_litert(path):
    (interpreter,) = _need("LiteRT", "ai_edge_litert.interpreter")
    opened = interpreter.Interpreter(model_content=path.read_bytes())
    run = opened.get_signature_runner("serving_default")
    run(images=np.zeros((1, *run.get_input_details()["images"]["shape"][1:]), "float32"))  # logs a line the first time
    return lambda images: run(images=images)["logits"]


WRITERS = {
    "Keras": lambda model, path: model.save(path),
    "SavedModel": _write_saved_model,
    "ONNX": _write_onnx,
    "LiteRT": _write_litert,
}
READERS = {"Keras": _read_keras, "SavedModel": _read_saved_model, "ONNX": _read_onnx, "LiteRT": _read_litert}

"""What the backend needs before it is imported, the reader's settings, and a report of what this machine has."""

import contextlib
import importlib.metadata
import io
import json
import logging
import os
import platform
import re
import sys
from importlib.util import find_spec
from pathlib import Path

BACKENDS = ("tensorflow", "jax", "torch")

# Read once, when the backend is imported. oneDNN: of itself TensorFlow uses these kernels on newer Intel processors
# alone, but others with AVX2 train faster with them too (notebooks/scripts/onednn_step.py). A caching allocator:
# without it TensorFlow on a CPU asks the system for fresh memory for every tensor above 32 MB, at every operation. On a
# GPU, TensorFlow and JAX would take all of its memory at once, and nothing would be left for a second notebook.
SETTINGS = {
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "TF_ENABLE_ONEDNN_OPTS": "1",
    "TF_CPU_ALLOCATOR_USE_BFC": "true",
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
}
for name, value in SETTINGS.items():
    os.environ.setdefault(name, value)


class NotInstalled(ImportError):
    """A library that the course computes with is missing. A notebook shows the sentence alone, not the way to it."""

    def _render_traceback_(self):  # IPython asks for this
        return [str(self)]


def way_out(module):
    """One sentence on what to do where `module`, such as "tensorflow", cannot be imported."""
    backend = module in ("keras", "tensorflow")
    if backend and (platform.system(), platform.machine()) == ("Darwin", "x86_64"):
        return "TensorFlow has no package for Macs with an Intel processor: open the notebooks on Colab."
    if backend and not (3, 10) <= sys.version_info[:2] <= (3, 13):
        python = ".".join(platform.python_version_tuple()[:2])
        return (
            f"TensorFlow has no package for Python {python}: install the course with "
            "Python 3.10 to 3.13 (uv venv --python 3.13, or conda env create -f environment.yml), or open it on Colab."
        )
    what = "-r requirements.txt" if backend else module
    return (
        f"{module} is not installed for the Python that runs here: choose the kernel of the environment that has it, "
        f"or run {sys.executable} -m pip install {what} in the folder of the course."
    )


def keras_settings():
    """The reader's own keras.json as a dict, {} without one."""
    home = os.environ.get("KERAS_HOME") or "~/.keras"
    try:
        settings = json.loads((Path(home).expanduser() / "keras.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return settings if isinstance(settings, dict) else {}


def choose_backend():
    """The backend that Keras is to compute with: KERAS_BACKEND, else TensorFlow, else another that is installed.

    Raises:
        NotInstalled: where none of them is installed; it says what to do.
    """
    chosen = os.environ.get("KERAS_BACKEND")
    if chosen:
        if chosen in BACKENDS and not find_spec(chosen):
            raise NotInstalled(
                f"KERAS_BACKEND={chosen}, but {chosen} is not installed: pip install {chosen}, or unset KERAS_BACKEND."
            )
        return chosen
    others = [name for name in (keras_settings().get("backend"), *BACKENDS[1:]) if name in BACKENDS]
    installed = [name for name in ("tensorflow", *others) if find_spec(name)]
    if not installed:
        raise NotInstalled(way_out("tensorflow"))
    return installed[0]


os.environ["KERAS_BACKEND"] = choose_backend()


@contextlib.contextmanager
def native_log_lines_hidden():
    """Hide what a library's native code writes to standard error; Python's own errors still come out as exceptions."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


try:
    with native_log_lines_hidden():
        import keras

        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            tf.config.list_physical_devices()  # the first look for a GPU complains where there is none
            # A course builds many small models in one process; TensorFlow takes that for a mistake and warns.
            logging.getLogger("tensorflow").setLevel(logging.ERROR)
except ModuleNotFoundError as error:
    raise NotInstalled(way_out(error.name)) from None


def accelerator():
    """The name of the accelerator that the backend computes on, or "" for a CPU."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        devices = tf.config.get_visible_devices("GPU")
        name = tf.config.experimental.get_device_details(devices[0]).get("device_name", "GPU") if devices else ""
        return "Apple GPU" if name and platform.system() == "Darwin" else name
    if backend == "jax":
        import jax

        device = jax.devices()[0]
        kind = "Apple GPU" if device.platform.lower() == "metal" else device.device_kind
        return "" if device.platform == "cpu" else kind
    import torch

    device = keras.ops.zeros(()).device.type  # what Keras chose, or KERAS_TORCH_DEVICE
    if device == "cuda":
        return torch.cuda.get_device_name()
    return {"cpu": "", "mps": "Apple GPU", "xpu": "Intel GPU"}.get(device, device)


def profile():
    """Which runs fit this machine: "quick" (small data, seconds) or "full" (CIFAR-10).

    `CCT_PROFILE` decides; without it, full on an accelerator whose name says what it can do, such as "Tesla T4". GPUs
    of Apple and Intel and nameless ones differ too much for that.

    Raises:
        ValueError: for any other value.
    """
    chosen = os.environ.get("CCT_PROFILE", "").strip().lower()
    if not chosen:
        name = accelerator()
        chosen = "quick" if name in ("", "GPU") or name.startswith(("Apple", "Intel")) else "full"
    if chosen not in ("quick", "full"):
        raise ValueError(f'CCT_PROFILE must be "quick" or "full", got {chosen!r}. Unset it to let the machine decide.')
    return chosen


def chosen_data():
    """The name or path that the environment variable CCT_DATA gives, without quotation marks around it, or None."""
    return os.environ.get("CCT_DATA", "").strip().strip("\"'") or None


def chosen_size():
    """(height, width) in pixels that the environment variable CCT_SIZE gives, or None.

    It is written 64x48, height first, or 64 for a square.

    Raises:
        ValueError: for anything else, and for sides below 8.
    """
    text = os.environ.get("CCT_SIZE", "").strip().lower()
    if not text:
        return None
    match = re.fullmatch(r"(\d{1,5})(?:\s*[x\u00d7*,]\s*(\d{1,5}))?", text)
    sides = match and (int(match[1]), int(match[2] or match[1]))
    if not sides or min(sides) < 8:
        raise ValueError(f"CCT_SIZE is HEIGHTxWIDTH in pixels, at least 8, such as 64x64, not {text!r}.")
    return sides


def override_keras_settings():
    """Put back what the course computes with, float32 and channels last, and return what was changed, as texts."""
    changed = []
    if keras.config.image_data_format() != "channels_last":
        keras.config.set_image_data_format("channels_last")
        changed.append('image_data_format "channels_first"')
    if keras.config.floatx() != "float32":
        changed.append(f'floatx "{keras.config.floatx()}"')
        keras.config.set_floatx("float32")
    policy = keras.config.dtype_policy().name
    if policy != "float32" and not policy.startswith("mixed_"):
        keras.config.set_dtype_policy("float32")
    return changed


def setup():
    """Print the versions, the device, the profile and the data that this notebook runs with.

    Where the reader's Keras settings would change what the course computes, they are put back, for this session alone,
    and a line says so. Letters that a console can't print come out as escapes from here on.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    backend = keras.backend.backend()
    computes = f"{backend} {sys.modules[backend].__version__}"  # what pip calls it may differ: tensorflow-cpu
    versions = [f"{package} {importlib.metadata.version(package)}" for package in ("numpy", "matplotlib", "ipywidgets")]
    print(f"Python {platform.python_version()}, keras {keras.__version__}, {computes}, {', '.join(versions)}")
    print(f"device: {accelerator() or f'CPU, {os.cpu_count()} cores'}, {platform.system()}")
    data, size = chosen_data(), chosen_size()
    pixels = f", {size[0]} x {size[1]} pixels" if size else ""
    print(f"profile: {profile()}{f', data: {data}{pixels}' if data else ''}")
    if size and not data:
        print("CCT_SIZE changes the images of CCT_DATA, which is not set.")
    changed = override_keras_settings()
    asked = keras_settings().get("backend")
    if asked in BACKENDS and asked != keras.backend.backend():
        changed.append(f'backend "{asked}" (KERAS_BACKEND={asked} brings it back)')
    if changed:
        print(f"The course does without these of your Keras settings: {', '.join(changed)}.")

"""What the backend needs before it is imported, and a report of what this machine has."""

import contextlib
import importlib.metadata
import logging
import os
import platform
import sys

# Read once, when the backend is imported. A caching allocator: without it TensorFlow on a CPU asks the system for fresh
# memory for every tensor above 32 MB, at every operation.
SETTINGS = {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "2", "TF_CPU_ALLOCATOR_USE_BFC": "true"}
for name, value in SETTINGS.items():
    os.environ.setdefault(name, value)


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
        devices = tf.config.list_physical_devices("GPU")
        return tf.config.experimental.get_device_details(devices[0]).get("device_name", "GPU") if devices else ""
    if backend == "jax":
        import jax

        device = jax.devices()[0]
        return "" if device.platform == "cpu" else device.device_kind
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else ""


def profile():
    """Which runs fit this machine: "quick" (small data, seconds) or "full" (CIFAR-10).

    `CCT_PROFILE` decides; without it, full where there is an accelerator. Raises ValueError for any other value.
    """
    chosen = os.environ.get("CCT_PROFILE", "").strip().lower() or ("full" if accelerator() else "quick")
    if chosen not in ("quick", "full"):
        raise ValueError(f'CCT_PROFILE must be "quick" or "full", got {chosen!r}. Unset it to let the machine decide.')
    return chosen


def setup():
    """Print the versions, the device and the profile that this notebook runs with. Returns nothing."""
    backend = keras.backend.backend()
    versions = [f"{package} {importlib.metadata.version(package)}" for package in ("numpy", "matplotlib", "ipywidgets")]
    computes = f"{backend} {sys.modules[backend].__version__}"  # its package may have another name, as tensorflow-cpu
    print(f"Python {platform.python_version()}, keras {keras.__version__}, {computes}, {', '.join(versions)}")
    print(f"device: {accelerator() or f'CPU, {os.cpu_count()} cores'}, {platform.system()}")
    data = os.environ.get("CCT_DATA")
    print(f"profile: {profile()}{f', data: {data}' if data else ''}")

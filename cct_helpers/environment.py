"""What the backend needs before it is imported, and a report of what this machine has."""

import contextlib
import importlib.metadata
import logging
import os
import platform

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


with native_log_lines_hidden():
    import keras

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.list_physical_devices()  # the first look for a GPU complains where there is none
        # A course builds many small models in one process; TensorFlow takes that for a mistake and warns.
        logging.getLogger("tensorflow").setLevel(logging.ERROR)


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
    packages = [keras.backend.backend(), "numpy", "matplotlib", "ipywidgets"]
    versions = [f"{package} {importlib.metadata.version(package)}" for package in packages]
    print(f"Python {platform.python_version()}, keras {keras.__version__}, {', '.join(versions)}")
    print(f"device: {accelerator() or f'CPU, {os.cpu_count()} cores'}, {platform.system()}")
    data = os.environ.get("CCT_DATA")
    print(f"profile: {profile()}{f', data: {data}' if data else ''}")

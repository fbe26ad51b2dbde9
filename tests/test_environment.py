"""What the machine is asked, and what the package reports and sets."""

import os
import subprocess
import sys
import types

import keras
import pytest

from cct_helpers import environment

ON_TENSORFLOW = keras.backend.backend() == "tensorflow"


@pytest.mark.skipif(not ON_TENSORFLOW, reason="asks TensorFlow")
@pytest.mark.parametrize(
    ("devices", "details", "name"),
    [([], {}, ""), (["one"], {"device_name": "Tesla T4"}, "Tesla T4"), (["one", "two"], {}, "GPU")],
)
def test_the_gpu_that_tensorflow_sees(monkeypatch, devices, details, name):
    monkeypatch.setattr(environment.tf.config, "list_physical_devices", lambda kind: devices)
    asked = {"one": details}
    monkeypatch.setattr(environment.tf.config.experimental, "get_device_details", asked.__getitem__)
    assert environment.accelerator() == name


@pytest.mark.parametrize(("platform", "name"), [("cpu", ""), ("gpu", "NVIDIA H100")])
def test_the_device_that_jax_sees(monkeypatch, platform, name):
    device = types.SimpleNamespace(platform=platform, device_kind="NVIDIA H100")
    monkeypatch.setitem(sys.modules, "jax", types.SimpleNamespace(devices=lambda: [device]))
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    assert environment.accelerator() == name


@pytest.mark.parametrize("name", ["", "NVIDIA H100"])
def test_the_gpu_that_pytorch_sees(monkeypatch, name):
    cuda = types.SimpleNamespace(is_available=lambda: bool(name), get_device_name=lambda: name)
    monkeypatch.setitem(sys.modules, "torch", types.SimpleNamespace(cuda=cuda))
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    assert environment.accelerator() == name


def test_native_log_lines_are_hidden_and_come_back(capfd):
    with environment.native_log_lines_hidden():
        os.write(2, b"a line of a library")
    os.write(2, b"a line of ours")
    assert capfd.readouterr().err == "a line of ours"


def test_the_profile_follows_the_accelerator_unless_told(monkeypatch):
    for device, expected in (("H100", "full"), ("", "quick")):
        monkeypatch.setattr(environment, "accelerator", lambda device=device: device)
        monkeypatch.delenv("CCT_PROFILE", raising=False)
        assert environment.profile() == expected
        monkeypatch.setenv("CCT_PROFILE", "quick")
        assert environment.profile() == "quick"


def test_an_unknown_profile_is_an_error(monkeypatch):
    monkeypatch.setenv("CCT_PROFILE", "fast")
    with pytest.raises(ValueError, match='CCT_PROFILE must be "quick" or "full", got \'fast\''):
        environment.profile()


def test_setup_reports_versions_device_and_profile(monkeypatch, capsys):
    monkeypatch.setenv("CCT_DATA", "my/photos")
    environment.setup()
    printed = capsys.readouterr().out
    assert f"Python {sys.version.split()[0]}, keras" in printed
    assert "device: " in printed
    assert "profile: quick, data: my/photos" in printed


def test_importing_is_silent_and_sets_what_tensorflow_reads():
    clean = {name: value for name, value in os.environ.items() if name not in environment.SETTINGS}
    names = list(environment.SETTINGS)
    code = f"import os, cct_helpers, tensorflow; print({{name: os.environ[name] for name in {names}}})"
    run = subprocess.run([sys.executable, "-c", code], env=clean, capture_output=True, text=True, check=True)
    assert run.stderr == ""
    assert run.stdout.strip() == str(environment.SETTINGS)

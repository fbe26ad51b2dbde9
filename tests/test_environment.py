"""What the machine is asked, what the package reports and sets, and the reader's own settings."""

import json
import os
import pathlib
import subprocess
import sys
import types

import keras
import pytest

from cct_helpers import environment

ON_TENSORFLOW = keras.backend.backend() == "tensorflow"


@pytest.mark.skipif(not ON_TENSORFLOW, reason="asks TensorFlow")
@pytest.mark.parametrize(
    ("devices", "details", "system", "name"),
    [
        ([], {}, "Linux", ""),
        (["one"], {"device_name": "Tesla T4"}, "Linux", "Tesla T4"),
        (["one", "two"], {}, "Linux", "GPU"),
        (["one"], {"device_name": "METAL"}, "Darwin", "Apple GPU"),
        ([], {}, "Darwin", ""),
    ],
)
def test_the_gpu_that_tensorflow_sees(monkeypatch, devices, details, system, name):
    monkeypatch.setattr(environment.tf.config, "get_visible_devices", lambda kind: devices)
    asked = {"one": details}
    monkeypatch.setattr(environment.tf.config.experimental, "get_device_details", asked.__getitem__)
    monkeypatch.setattr(environment.platform, "system", lambda: system)
    assert environment.accelerator() == name


@pytest.mark.parametrize(
    ("platform", "kind", "name"),
    [
        ("cpu", "cpu", ""),
        ("gpu", "NVIDIA H100", "NVIDIA H100"),
        ("METAL", "Metal", "Apple GPU"),
        ("tpu", "TPU v4", "TPU v4"),
    ],
)
def test_the_device_that_jax_sees(monkeypatch, platform, kind, name):
    device = types.SimpleNamespace(platform=platform, device_kind=kind)
    monkeypatch.setitem(sys.modules, "jax", types.SimpleNamespace(devices=lambda: [device]))
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    assert environment.accelerator() == name


@pytest.mark.parametrize(
    ("device", "name"),
    [("cpu", ""), ("cuda", "NVIDIA H100"), ("mps", "Apple GPU"), ("xpu", "Intel GPU"), ("other", "other")],
)
def test_the_device_that_pytorch_computes_on(monkeypatch, device, name):
    cuda = types.SimpleNamespace(get_device_name=lambda: "NVIDIA H100")
    monkeypatch.setitem(sys.modules, "torch", types.SimpleNamespace(cuda=cuda))
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    tensor = types.SimpleNamespace(device=types.SimpleNamespace(type=device))
    monkeypatch.setattr(keras.ops, "zeros", lambda shape: tensor)
    assert environment.accelerator() == name


def test_native_log_lines_are_hidden_and_come_back(capfd):
    with environment.native_log_lines_hidden():
        os.write(2, b"a line of a library")
    os.write(2, b"a line of ours")
    assert capfd.readouterr().err == "a line of ours"


def test_the_profile_follows_the_accelerator_unless_told(monkeypatch):
    # An Apple GPU, or one without a name, may be much slower than its kind: full only where it is asked for.
    devices = {"NVIDIA H100": "full", "TPU v4": "full", "": "quick"} | dict.fromkeys(
        ("GPU", "Apple GPU", "Intel GPU"), "quick"
    )
    for device, expected in devices.items():
        monkeypatch.setattr(environment, "accelerator", lambda device=device: device)
        monkeypatch.delenv("CCT_PROFILE", raising=False)
        assert environment.profile() == expected
        for asked in ("quick", "full"):
            monkeypatch.setenv("CCT_PROFILE", asked)
            assert environment.profile() == asked


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
    assert "profile: quick, data: my/photos\n" in printed
    monkeypatch.setenv("CCT_SIZE", "64x48")
    environment.setup()
    assert "profile: quick, data: my/photos, 64 x 48 pixels\n" in capsys.readouterr().out
    monkeypatch.delenv("CCT_DATA")
    environment.setup()
    assert "CCT_SIZE changes the images of CCT_DATA, which is not set." in capsys.readouterr().out


def test_setup_says_nothing_of_usual_settings(capsys):
    environment.setup()
    assert capsys.readouterr().out.count("\n") == 3


@pytest.mark.whole
def test_importing_is_silent_and_sets_what_tensorflow_reads():
    clean = {name: value for name, value in os.environ.items() if name not in environment.SETTINGS}
    names = list(environment.SETTINGS)
    code = f"import os, cct_helpers, tensorflow; print({{name: os.environ[name] for name in {names}}})"
    run = subprocess.run([sys.executable, "-c", code], env=clean, capture_output=True, text=True, check=True)
    assert run.stderr == ""
    assert run.stdout.strip() == str(environment.SETTINGS)


# The reader's own settings, each in a process of its own


def run_with(settings, code, folder, **environ):
    """What a program prints that finds these settings in keras.json."""
    folder.joinpath("keras.json").write_text(json.dumps(settings), encoding="utf-8")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("CCT_", "KERAS_"))}
    environ = {**clean, "KERAS_HOME": str(folder), "CCT_PROFILE": "quick", **environ}
    environ = {name: value for name, value in environ.items() if value is not None}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environ, capture_output=True, text=True, cwd=ROOT, encoding="utf-8")


ROOT = pathlib.Path(__file__).parents[1]
FIRST_LOOK = """
import cct_helpers as cct
{setup}
import keras, numpy as np
model = cct.load_pretrained("cct_2_3x2_16_digits")
digits = cct.load_dataset("digits")
print(cct.evaluate(model, digits.x_test, digits.y_test)["top1"] > 0.98, end=" ")
mine = cct.build_cct(input_shape=(16, 16, 1), dim=16, num_heads=2, num_layers=1, hidden_channels=8)
print({{v.dtype for v in mine.weights if "seed" not in v.path}}, {{l.compute_dtype for l in mine.layers[1:]}}, end=" ")
small = digits._replace(x_train=digits.x_train[:64], y_train=digits.y_train[:64])
history = cct.fit(mine, small, cct.Recipe(1, 32, "adamw", 1e-3, 0.1), verbose=False)
print(np.isfinite(history["loss"]).all())
"""


@pytest.mark.whole
@pytest.mark.parametrize("setup", ["cct.setup()", ""], ids=["with setup", "layers alone"])
@pytest.mark.parametrize(
    "setting", [{"image_data_format": "channels_first"}, {"floatx": "float16"}, {"floatx": "float64"}]
)
def test_settings_left_over_from_other_work_change_nothing(tmp_path, setting, setup):
    done = run_with(setting, FIRST_LOOK.format(setup=setup), tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    *report, numbers = done.stdout.splitlines()
    # Without setup, Keras keeps a learning rate in the reader's float16, and TensorFlow remarks on that.
    remarked = "oneDNN supports DT_HALF only" if setting == {"floatx": "float16"} and not setup else None
    complaints = [line for line in done.stderr.splitlines() if not remarked or remarked not in line]
    assert numbers == "True {'float32'} {'float32'} True" and not complaints
    (name, value), *_ = setting.items()
    said = f'The course does without these of your Keras settings: {name} "{value}".'
    assert (said in report) == bool(setup)


@pytest.mark.whole
def test_another_backend_in_the_settings_is_said(tmp_path):
    done = run_with({"backend": "jax"}, "import cct_helpers as cct; cct.setup()", tmp_path)
    assert done.stdout.splitlines()[-1] == (
        'The course does without these of your Keras settings: backend "jax" (KERAS_BACKEND=jax brings it back).'
    )


@pytest.mark.whole
def test_a_mixed_policy_is_the_readers_choice():
    code = "import keras; keras.config.set_dtype_policy('mixed_bfloat16')\nimport cct_helpers as cct; cct.setup()\n"
    code += (
        "model = cct.build_cct(input_shape=(16, 16, 1)); print({layer.compute_dtype for layer in model.layers[2:5]})"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "{'bfloat16'}", done.stderr


@pytest.mark.parametrize(
    ("installed", "chosen", "asked", "backend"),
    [
        (("tensorflow", "jax", "torch"), None, "torch", "tensorflow"),
        (("jax", "torch"), None, "torch", "torch"),
        (("jax", "torch"), None, None, "jax"),
        (("torch",), None, "jax", "torch"),
        (("tensorflow", "jax"), "jax", None, "jax"),
    ],
)
def test_the_backend_is_tensorflow_where_there_is_one(monkeypatch, installed, chosen, asked, backend):
    monkeypatch.setattr(environment, "find_spec", lambda name: name in installed or None)
    monkeypatch.setattr(environment, "keras_settings", lambda: {"backend": asked} if asked else {})
    monkeypatch.setenv("KERAS_BACKEND", chosen or "")
    assert environment.choose_backend() == backend


def test_a_backend_that_is_missing_is_one_sentence(monkeypatch):
    monkeypatch.setattr(environment, "find_spec", lambda name: None)
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    with pytest.raises(ImportError, match="KERAS_BACKEND=jax, but jax is not installed: pip install jax, or unset"):
        environment.choose_backend()
    monkeypatch.delenv("KERAS_BACKEND")
    with pytest.raises(ImportError, match="tensorflow is not installed"):
        environment.choose_backend()


@pytest.mark.parametrize("text", ["", "[]", "{broken", "null"])
def test_settings_that_can_not_be_read_are_none(monkeypatch, tmp_path, text):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "keras.json").write_text(text)
    assert environment.keras_settings() == {}


def test_gpu_memory_is_taken_as_it_grows():
    """The second kernel on a GPU finds memory: both backends read these when they first use one."""
    assert environment.SETTINGS["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
    assert environment.SETTINGS["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"


@pytest.mark.whole
def test_letters_that_a_console_lacks_come_out_as_escapes(tmp_path):
    code = "import cct_helpers as cct; cct.setup(); print('77.0 \u00b1 0.5, \u2714')"
    done = run_with({}, code, tmp_path, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.returncode == 0 and done.stdout.splitlines()[-1] == "77.0 \\xb1 0.5, \\u2714", done.stderr


@pytest.mark.parametrize("text", ["my pets", ' "my pets" ', "'my pets'"])
def test_quotation_marks_of_the_command_prompt_are_not_part_of_a_path(monkeypatch, text):
    monkeypatch.setenv("CCT_DATA", text)
    assert environment.chosen_data() == "my pets"
    monkeypatch.setenv("CCT_DATA", " ")
    assert environment.chosen_data() is None

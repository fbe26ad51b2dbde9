"""What the machine is asked, and what the package reports and sets."""

import os
import subprocess
import sys

import pytest

from cct_helpers import environment


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

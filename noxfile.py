"""The tests in environments of their own, one session each: `pip install nox`, then `nox -s colab` and so on.

`nox --list` names the sessions. What follows `--` goes to pytest: `nox -s newest-3.12 -- tests/test_layers.py`.
GitHub runs two of them on every push and all but `lock` every Monday (.github/workflows/tests.yml).
"""

from pathlib import Path

import nox

nox.options.sessions = ["newest"]
PYTHONS = ["3.10", "3.11", "3.12", "3.13"]
REQUIREMENTS = ["-r", "requirements-dev.txt"]
COLAB = ".ci/colab.txt"  # the versions on Colab, as constraints for pip


def run_tests(session, *arguments, **environment):
    """pip's list, then the tests in two processes."""
    session.run("python", "-m", "pip", "freeze")
    session.run("python", "-m", "pytest", "-n", "2", *arguments, *session.posargs, env=environment)


@nox.session(python=PYTHONS)
def newest(session):
    """Everything, with the newest versions that the requirements allow."""
    session.install("--upgrade", *REQUIREMENTS)
    run_tests(session)


@nox.session(python="3.12")
def locked(session):
    """Everything, with the versions and hashes of requirements.lock: what is known to work."""
    session.install("--require-hashes", "-r", "requirements.lock")
    run_tests(session)


@nox.session(python="3.10")
def oldest(session):
    """Everything, with the lowest versions that the requirements allow."""
    session.install("uv")
    session.run("uv", "pip", "install", "--resolution", "lowest-direct", *REQUIREMENTS)
    run_tests(session)


@nox.session(python="3.12")
def colab(session):
    """Everything, and every place of every control, with the versions on Colab."""
    session.install(*REQUIREMENTS, "-c", COLAB)
    run_tests(session)
    if not session.posargs:
        run_tests(session, "--whole", "--dist=load", "-m", "whole", "tests/test_widgets.py")


@nox.session(python="3.13")
def prerelease(session):
    """Everything, with versions that are not out yet. It may fail: it says what is coming."""
    session.install("--upgrade", "--pre", *REQUIREMENTS)
    run_tests(session)


@nox.session(python="3.11")
@nox.parametrize("backend", ["jax", "torch"], ids=["jax", "torch"])
def backend(session, backend):
    """The tests marked `any_backend`, on JAX or PyTorch."""
    extra = ["--extra-index-url", "https://download.pytorch.org/whl/cpu"] if backend == "torch" else []
    session.install("--upgrade", *REQUIREMENTS, backend, *extra)
    places = [] if session.posargs else ["tests"]
    run_tests(session, "--whole", "-m", "any_backend", *places, KERAS_BACKEND=backend)


@nox.session(python="3.12")
def audit(session):
    """Known vulnerabilities of the locked versions."""
    session.install("pip-audit")
    session.run("pip-audit", "--requirement", "requirements.lock", "--require-hashes", "--disable-pip")


@nox.session(python="3.12")
def lock(session):
    """Write requirements.lock anew, after a change of the requirements, and see that pip would take it."""
    session.install("uv")
    lines = [line for name in ("", "-dev") for line in Path(f"requirements{name}.txt").read_text().splitlines()]
    # Not the line that refuses a Python without TensorFlow: uv looks for its file on every Python.
    wanted = [line for line in lines if not line.startswith(("-r ", "no-tensorflow"))]
    everything = Path(session.create_tmp()) / "requirements.txt"
    everything.write_text("\n".join(wanted))
    versions = ["--constraint", ".ci/lock.txt", "--universal", "--python-version", PYTHONS[0], "--upgrade"]
    options = [*versions, "--generate-hashes", "--no-emit-index-url", "--no-annotate"]
    command = ["--custom-compile-command", "nox -s lock", "--output-file", "requirements.lock"]
    session.run("uv", "pip", "compile", str(everything), *options, *command, silent=True)
    # uv overlooks that a version is not for a Python this new; pip does not.
    session.run("python", "-m", "pip", "install", "--quiet", "--dry-run", "--require-hashes", "-r", "requirements.lock")

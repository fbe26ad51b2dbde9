"""The legs that the tests run on, each in an environment of its own: `pip install nox`, then `nox -s colab` and so on.

`nox --list` names them all. What follows `--` goes to pytest: `nox -s newest-3.12 -- tests/test_layers.py`.
GitHub runs them every Monday (.github/workflows/tests.yml).
"""

import nox

nox.options.sessions = ["newest"]
PYTHONS = ["3.10", "3.11", "3.12", "3.13"]
COLAB = ".ci/colab.txt"  # the versions on Colab, as constraints for pip
# What is plain Keras 3 and so runs on every backend. The rest is arrays, pictures and notebooks on the default one.
ANY_BACKEND = [
    f"tests/test_{room}.py"
    for room in (
        *("attention", "backends", "costs", "faithfulness", "interruption", "layers", "models", "pretrained"),
        *("reference", "shapes", "training", "weights"),
    )
]


def run_tests(session, *tests, what="all", **environment):
    """pip's list, the tests, and their result in notebooks/results/legs.json and the README, good or bad."""
    session.run("python", "-m", "pip", "freeze")
    arguments, what = (session.posargs, " ".join(session.posargs)) if session.posargs else (tests, what)
    report = f"{session.virtualenv.location}/report.xml"
    environment |= {"PYTHONPATH": "."}
    pytest = ["python", "-m", "pytest", "-n", "2", f"--junit-xml={report}"]
    codes = [0, 1]  # tests that fail are written down as well, and end the leg after that
    session.run(*pytest, *arguments, env=environment, success_codes=codes)
    session.run("python", "-m", "tests.benchmarks.legs", session.name, report, "--what", what, env=environment)


@nox.session(python=PYTHONS)
def newest(session):
    """Everything, with the newest versions that requirements.txt allows."""
    session.install("--upgrade", "-r", "requirements.txt")
    run_tests(session)


@nox.session(python="3.12")
def locked(session):
    """Everything, with the versions and hashes of requirements.lock: what is known to work."""
    session.install("--require-hashes", "-r", "requirements.lock")
    run_tests(session)


@nox.session(python="3.10")
def oldest(session):
    """Everything, with the lowest versions that requirements.txt allows."""
    session.install("uv")
    session.run("uv", "pip", "install", "--resolution", "lowest-direct", "-r", "requirements.txt")
    run_tests(session)


@nox.session(python="3.12")
def colab(session):
    """Everything, with the versions on Colab."""
    session.install("-r", "requirements.txt", "-c", COLAB)
    run_tests(session)


@nox.session(python="3.13")
def prerelease(session):
    """Everything, with versions that are not out yet. This leg may fail: it says what is coming."""
    session.install("--upgrade", "--pre", "-r", "requirements.txt")
    run_tests(session)


@nox.session(python="3.11")
@nox.parametrize("backend", ["jax", "torch"], ids=["jax", "torch"])
def backend(session, backend):
    """All that claims to be free of a backend, on JAX or PyTorch."""
    extra = ["--extra-index-url", "https://download.pytorch.org/whl/cpu"] if backend == "torch" else []
    session.install("--upgrade", "-r", "requirements.txt", backend, *extra)
    run_tests(session, *ANY_BACKEND, what="what needs no TensorFlow", KERAS_BACKEND=backend)


@nox.session(python="3.12")
def audit(session):
    """Known vulnerabilities of the locked versions."""
    session.install("pip-audit")
    session.run("pip-audit", "--requirement", "requirements.lock", "--require-hashes", "--disable-pip")


@nox.session(python="3.12")
def lock(session):
    """Write requirements.lock anew, after a change of requirements.txt, and see that pip would take it."""
    session.install("uv")
    versions = ["--constraint", ".ci/lock.txt", "--universal", "--python-version", PYTHONS[0], "--upgrade"]
    options = [*versions, "--generate-hashes", "--no-emit-index-url"]
    command = ["--custom-compile-command", "nox -s lock", "--output-file", "requirements.lock"]
    session.run("uv", "pip", "compile", "requirements.txt", *options, *command, silent=True)
    # uv overlooks that a version is not for a Python this new; pip does not.
    session.run("python", "-m", "pip", "install", "--quiet", "--dry-run", "--require-hashes", "-r", "requirements.lock")

"""Kills, full disks, damaged files, a pressed stop button: one clear error, and the last good state is kept."""

import contextlib
import json
import os
import pickle
import shutil
import signal
import tempfile
from pathlib import Path

import keras
import numpy as np
import pytest

import cct_helpers as cct
from cct_helpers import data, training
from cct_helpers.training import Checkpoint
from tests.support import tiny_run
from tests.support.processes import fresh

pytestmark = pytest.mark.any_backend


@pytest.fixture(scope="module", autouse=True)
def interrupts_arrive():
    """A shell starts what runs in its background with interrupts ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="module")
def unbroken():
    """Weights and history of the run that nothing disturbs."""
    model, history = tiny_run.run()
    return model.get_weights(), tiny_run.same_but_for_times(history)


def assert_equal_runs(model, history, unbroken):
    weights, expected = unbroken
    assert tiny_run.same_but_for_times(history) == expected
    for ours, theirs in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


# Kills


@pytest.mark.whole
@pytest.mark.parametrize("place", tiny_run.PLACES, ids=lambda place: place.__name__)
def test_killed_anywhere_and_resumed_is_as_unbroken(tmp_path, unbroken, place):
    here, there = fresh().Pipe(duplex=False)
    process = fresh().Process(target=tiny_run.run_to, args=(place, tmp_path, there))
    process.start()
    there.close()
    assert here.recv() == "here"  # EOFError: the training ended before its place came
    process.kill()
    process.join()
    left_behind = [name for name in names_in(tmp_path) if name.endswith(".part")]
    assert (
        left_behind
        == {
            tiny_run.in_a_batch: [],
            tiny_run.half_a_checkpoint: ["checkpoint.npz.part"],
            tiny_run.history_older_than_checkpoint: ["history.json.part"],
        }[place]
    )
    model, history = tiny_run.run(tmp_path, seed=9)  # all state comes from the file, so another start
    assert_equal_runs(model, history, unbroken)
    assert len(history["seconds"]) == len(history["images_per_second"]) == tiny_run.RECIPE.epochs
    assert names_in(tmp_path) == ["checkpoint.npz", "history.json"]
    assert json.loads((tmp_path / "history.json").read_text()) == history


# Disks and folders


@pytest.fixture(scope="module")
def one_epoch(tmp_path_factory):
    """A folder with the checkpoint of a run that was stopped after its first epoch."""
    folder = tmp_path_factory.mktemp("one_epoch")
    stop_at(tiny_run.STEPS + 1, folder)
    return folder


@pytest.fixture
def started(one_epoch, tmp_path):
    """A copy of that folder."""
    return Path(shutil.copytree(one_epoch, tmp_path / "run"))


def stop_at(step, folder):
    """A run that gets a real interrupt signal before a step, counted from 1."""
    model = tiny_run.model()
    with tiny_run.interrupt_before(step):
        return model, cct.fit(model, tiny_run.data(), tiny_run.RECIPE, folder=folder, seed=1, verbose=False)


def stop_in_validation(call, folder):
    """The same at the n-th batch of validation images."""
    model, calls = tiny_run.model(), iter(range(1, 1000))
    predict = model.predict_on_batch

    def interrupted(*arguments):
        if next(calls) == call:
            signal.raise_signal(signal.SIGINT)
        return predict(*arguments)

    model.predict_on_batch = interrupted
    return model, cct.fit(model, tiny_run.data(), tiny_run.RECIPE, folder=folder, seed=1, verbose=False)


if os.name == "posix":  # Windows has neither such limits nor folders that take no files
    import resource

    @contextlib.contextmanager
    def files_up_to(size):
        """No file of this process may grow beyond `size` bytes: the system refuses the write, as on a full disk."""
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    @pytest.mark.whole
    def test_a_full_disk_keeps_the_last_good_state(started, unbroken):
        before = {path.name: path.read_bytes() for path in started.iterdir()}
        with files_up_to(len(before["checkpoint.npz"]) // 2):
            with pytest.raises(OSError, match=r"checkpoint\.npz could not be written \(File too large\)") as caught:
                tiny_run.run(started)
        assert "make room, then call fit again" in str(caught.value)
        assert {path.name: path.read_bytes() for path in started.iterdir()} == before
        assert_equal_runs(*tiny_run.run(started, seed=9), unbroken)

    def test_a_folder_that_takes_no_file_is_found_out_before_training():
        folder = Path(tempfile.mkdtemp())
        folder.chmod(0o555)
        me = os.geteuid()
        if me == 0:
            os.seteuid(65534)  # the superuser may write everywhere: be nobody for a moment
        try:
            with pytest.raises(ValueError, match=r"folder=.* cannot be made or written to \(Permission denied\)"):
                tiny_run.run(folder)
        finally:
            os.seteuid(me)
        assert names_in(folder) == []
        folder.rmdir()


# Damaged files


def test_any_flipped_bit_of_a_checkpoint_is_refused_or_harmless(started):
    """Wherever the damage is: the one error and an untouched model, or exactly what was saved."""
    path, model = started / "checkpoint.npz", tiny_run.model(seed=9)
    model.compile(training.build_optimizer(tiny_run.RECIPE, model))
    model.optimizer.build(model.trainable_variables)
    file = Checkpoint(started, model, tiny_run.data(), tiny_run.RECIPE, 1)
    variables = [*model.variables, *model.optimizer.variables]
    history, best = file.load(model)
    saved = training.copy_values(variables)
    fresh = [np.full_like(value, 1) for value in saved]
    whole, rng, refused = path.read_bytes(), np.random.default_rng(0), 0
    directory = whole.index(b"PK\x01\x02")  # the list of contents at the end, which no checksum covers
    for place in [*rng.integers(0, len(whole), 30), *rng.integers(directory, len(whole), 30)]:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        training.assign_values(variables, fresh)
        try:
            got = file.load(model)
            expected = saved
            assert got[0] == history and all(map(np.array_equal, got[1], best))
        except ValueError as error:
            assert "checkpoint.npz is damaged (" in str(error) and "delete it to start again" in str(error)
            expected, refused = fresh, refused + 1
        for value, wanted in zip(training.copy_values(variables), expected, strict=True):
            np.testing.assert_array_equal(value, wanted)
    assert refused > 30
    for length in rng.integers(0, len(whole), 8):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="checkpoint.npz is damaged"):
            file.load(model)


def test_a_checkpoint_with_the_state_of_another_optimizer_is_refused(started):
    with np.load(started / "checkpoint.npz") as stored:
        arrays = dict(stored)
    last = max((name for name in arrays if name.startswith("state_")), key=lambda name: int(name[6:]))
    for changed in ({**arrays, last: np.zeros((3, 3))}, {k: v for k, v in arrays.items() if k != last}):
        np.savez(started / "checkpoint.npz", **changed)
        with pytest.raises(ValueError, match="holds another optimizer's state, perhaps of another version of Keras"):
            tiny_run.run(started)


def test_a_damaged_copy_of_cifar10_says_what_to_delete(monkeypatch, tmp_path):
    """An unpacking that was killed leaves half a folder, which Keras takes for whole at every later call."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    unpacked = tmp_path / "datasets" / "cifar-10-batches-py-target"
    (unpacked / "cifar-10-batches-py").mkdir(parents=True)
    batch = unpacked / "cifar-10-batches-py" / "data_batch_1"
    batch.write_bytes(pickle.dumps({"data": np.zeros(99)})[:-9])
    monkeypatch.setattr(keras.datasets.cifar10, "load_data", lambda: pickle.loads(batch.read_bytes()))
    with pytest.raises(ConnectionError, match="CIFAR-10 could not be downloaded") as caught:
        data.load_dataset("cifar10")
    assert f"delete the copy that may be damaged, {unpacked}; try again" in str(caught.value)
    assert batch.exists()  # it was there before: the learner deletes it


# The stop button


@pytest.mark.whole
@pytest.mark.parametrize(("stop", "call"), [(stop_at, tiny_run.STEPS + 2), (stop_in_validation, 2)])
def test_an_interrupt_leaves_the_best_weights_and_a_run_that_goes_on(tmp_path, unbroken, stop, call):
    model, history = stop(call, tmp_path)
    assert history["stopped"] == "stopped in epoch 2 of 3" and history["best_epoch"] == 1
    with np.load(tmp_path / "checkpoint.npz") as stored:
        for i, weight in enumerate(model.get_weights()):
            np.testing.assert_array_equal(weight, stored[f"best_{i}"])
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        cct.predict(keras.models.load_model(tmp_path / "model.keras"), tiny_run.data().x_test),
        cct.predict(model, tiny_run.data().x_test),
    )
    resumed = cct.fit(model, tiny_run.data(), tiny_run.RECIPE, folder=tmp_path, seed=1, verbose=False)
    assert_equal_runs(model, resumed, unbroken)


@pytest.mark.whole
def test_an_interrupt_in_the_middle_of_a_write_keeps_the_epoch_before(started, monkeypatch, unbroken):
    def interrupted(piece):
        if piece == 10:
            signal.raise_signal(signal.SIGINT)

    before = (started / "checkpoint.npz").read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr(np, "savez", tiny_run.write_in_pieces(interrupted))
        model, history = tiny_run.run(started)
    assert history["stopped"] and names_in(started) == ["checkpoint.npz", "history.json"]
    assert (started / "checkpoint.npz").read_bytes() == before
    assert np.isfinite(cct.predict(model, tiny_run.data().x_test)).all()
    assert_equal_runs(*tiny_run.run(started, seed=9), unbroken)

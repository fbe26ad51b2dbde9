"""Scripts that make records: a stopped one goes on, what other code measured is dropped, the old record stays whole.

Nothing is measured here: the functions that do are replaced by some that count how often they are asked.
"""

import json
import subprocess
import sys
import types
from pathlib import Path

import faithfulness_runs
import live_speed
import numpy as np
import pytest
import race_time
import records
import scaling_runs
import time_fit

OURS = {"cores": 2, "processor": "ours"}


class Stopped(Exception):
    """As if somebody had ended the script."""


class Measure:
    """Stands for what takes long: counts its calls, and raises `Stopped` in place of the one after `most`."""

    def __init__(self, result):
        self.result, self.calls, self.most = result, [], None

    def __call__(self, *arguments, **settings):
        if len(self.calls) == self.most:
            raise Stopped
        self.calls.append(arguments)
        return self.result(*arguments) if callable(self.result) else dict(self.result)


def step_race(folder, monkeypatch):
    pytest.importorskip("resource", reason="race_step reads the memory of a process, which Windows does not tell so")
    import race_step

    part = {"seconds": [1.0], "processor_seconds": 1.0, "peak_mb": 1}
    measure = Measure({"parameters": 1, "inference": part, "training": part, "load": [0, 0]})
    monkeypatch.setattr(race_step, "in_a_process", measure)
    monkeypatch.setattr(race_step, "check_packages", lambda: None)
    monkeypatch.setattr(race_step.importlib.metadata, "version", lambda name: "1.26")
    path = folder / "07_race_step.json"
    return measure, len(race_step.RACERS), path, lambda *_: race_step.race(path, {"warm_up": 0, "steps": 1}, 1, None)


def time_race(folder, monkeypatch):
    measure = Measure(
        lambda name, data, work, epochs: {"run": name, "test": {"top1": 0.5}, "seconds": 1.0, "epochs": epochs or 7}
    )
    path, data = folder / "07_race_time.json", folder / "data.npz"
    data.write_bytes(b"images")
    monkeypatch.setattr(race_time, "RECORD", path)
    monkeypatch.setattr(race_time, "run", measure)
    monkeypatch.setattr(race_time.cct, "load_dataset", lambda *_, **__: types.SimpleNamespace(x_train=[0], x_val=[0]))

    def start(*options):
        monkeypatch.setattr("sys.argv", ["race_time.py", "--data", str(data), "--work", str(folder), *options])
        race_time.main()

    return measure, 5, path, start


def scaling(folder, monkeypatch):
    measure = Measure({"seconds": 1.0})
    jobs = {"tensorflow": {"a/1": (measure, {}), "a/2": (measure, {})}, "jax": {"b/1": (measure, {})}}
    monkeypatch.setattr(scaling_runs, "cpu_jobs", lambda: {"13_cpu": jobs})
    monkeypatch.setattr(scaling_runs, "RESULTS", folder)

    def start(*options):
        for backend in jobs:  # as its two processes do
            monkeypatch.setattr("sys.argv", ["scaling_runs.py", "--backend", backend, *options])
            scaling_runs.main()

    return measure, 3, folder / "13_cpu.json", start


def faithfulness(folder, monkeypatch):
    measure = Measure(lambda *_: (np.zeros((1, 64)), {}))
    path, data = folder / "08_faithfulness_cifar10.json", folder / "data.npz"
    np.savez(data, x_test=np.zeros((1, 8, 8, 1)), y_test=np.zeros(1))
    monkeypatch.setattr(faithfulness_runs, "RECORD", path)
    monkeypatch.setattr(faithfulness_runs, "deletion", measure)
    for rest in ("agreement", "heavy_tokens", "confidence"):
        monkeypatch.setattr(faithfulness_runs, rest, lambda *_: {})
    model = types.SimpleNamespace(card={"sha256": "0"})
    monkeypatch.setattr(faithfulness_runs.cct, "load_pretrained", lambda name: model)

    def start(*_):
        monkeypatch.setattr("sys.argv", ["faithfulness_runs.py", str(data)])
        faithfulness_runs.main()

    return measure, 2, path, start


def live(folder, monkeypatch):
    measure, path = Measure({}), folder / "00_live_model.json"
    monkeypatch.setattr(live_speed, "RECORD", path)
    for part in ("prices", "speeds"):
        monkeypatch.setattr(live_speed, part, measure)

    def start(*options):
        there = json.loads(path.with_suffix(".begun").read_text()) if path.with_suffix(".begun").exists() else {}
        if there.get("fingerprint") == records.fingerprint("") and "price" in there:
            options = ("--only", "speed")  # as its reader goes on
        monkeypatch.setattr("sys.argv", ["live_speed.py", "cifar10.npz", *options])
        live_speed.main()

    return measure, 2, path, start


@pytest.fixture
def code(monkeypatch):
    """What stands for today's code: code["today"] is every fingerprint. Machines are all the same."""
    state = {"today": "of today"}
    monkeypatch.setattr(records, "fingerprint", lambda name: state["today"])
    monkeypatch.setattr(records, "machine", lambda *_: OURS)
    monkeypatch.setattr(records, "processor", lambda: OURS["processor"])
    return state


@pytest.mark.parametrize("script", [step_race, time_race, scaling, faithfulness, live])
def test_a_stopped_script_goes_on_and_other_code_is_dropped(script, code, tmp_path, monkeypatch):
    measure, count, path, start = script(tmp_path, monkeypatch)
    half = path.with_suffix(".begun")
    old = json.dumps({"fingerprint": "of old", "machine": OURS, "runs": [{"run": "fast_0"}], "results": {}})
    path.write_text(old)

    measure.most = count - 1
    with pytest.raises(Stopped):
        start()
    assert path.read_text() == old and half.exists()

    code["today"] = "of tomorrow"  # before it goes on, the code is changed: nothing is kept
    measure.calls.clear()
    with pytest.raises(Stopped):
        start()
    assert len(measure.calls) == count - 1 and path.read_text() == old
    assert json.loads(half.read_text())["fingerprint"] == "of tomorrow"

    measure.calls.clear()
    start()
    assert len(measure.calls) == 1 and not half.exists()
    record = json.loads(path.read_text())
    assert record["fingerprint"] == "of tomorrow" and record["machine"]["processor"] == "ours"
    assert record["command"] and record["date"]
    assert len(record.get("runs") or record.get("results") or [0] * count) == count


def test_timings_go_on_where_they_were_begun_alone(code, tmp_path, monkeypatch):
    measure, count, path, start = time_race(tmp_path, monkeypatch)
    start()
    assert {arguments[2].name for arguments in measure.calls} == {"of today"}  # the folder of the checkpoints
    whole = path.read_text()
    start()
    assert len(measure.calls) == count and path.read_text() == whole
    monkeypatch.setattr(records, "machine", lambda *_: {"cores": 4})
    start("fast_0")
    assert path.read_text() == whole
    begun = json.loads(path.with_suffix(".begun").read_text())
    assert [run["run"] for run in begun["runs"]] == ["fast_0"] and begun["machine"] == {"cores": 4}


def test_a_shortened_run_does_not_replace_a_whole_one(code, tmp_path, monkeypatch, capsys):
    measure, _, path, start = time_race(tmp_path, monkeypatch)
    start("--epochs", "1", "keras_io_2021_0")  # nothing is lost by it
    start()
    whole = path.read_text()
    measure.calls.clear()
    with pytest.raises(SystemExit):
        start("--epochs", "1", "fast_0", "keras_io_2021_0")
    assert "The record has fast_0 with 7 epochs" in capsys.readouterr().err
    assert not measure.calls and path.read_text() == whole


def test_a_race_of_steps_is_not_mixed_with_other_settings(code, tmp_path, monkeypatch):
    _, _, path, start = step_race(tmp_path, monkeypatch)
    start()
    monkeypatch.setattr(records, "machine", lambda *_: {"cores": 4})
    with pytest.raises(SystemExit, match="different machine"):
        start()


def test_again_measures_what_is_named_if_the_rest_is_of_todays_code(code, tmp_path, monkeypatch):
    measure, count, path, start = scaling(tmp_path, monkeypatch)
    start("--note", "quiet")
    measure.calls.clear()
    start("--again", "a/")
    assert len(measure.calls) == 2 and json.loads(path.read_text())["note"] == "quiet"
    code["today"] = "of tomorrow"
    measure.calls.clear()
    start("--again", "a/")
    assert len(measure.calls) == count and "note" not in json.loads(path.read_text())


def test_seconds_of_two_processors_do_not_stand_in_one_record(code, tmp_path, monkeypatch):
    measure, count, path, start = scaling(tmp_path, monkeypatch)
    start()
    monkeypatch.setattr(records, "machine", lambda *_: {"cores": 2, "processor": "another"})
    monkeypatch.setattr(records, "processor", lambda: "another")
    measure.calls.clear()
    start("--again", "a/")
    assert len(measure.calls) == count and json.loads(path.read_text())["machine"]["processor"] == "another"


def test_one_part_of_the_live_model_is_not_kept_beside_another_code(code, tmp_path, monkeypatch, capsys):
    measure, _, path, start = live(tmp_path, monkeypatch)
    start()
    whole = path.read_text()
    start("--only", "price")
    assert len(measure.calls) == 3 and path.read_text() == whole
    code["today"] = "of tomorrow"
    start("--only", "price")
    assert path.read_text() == whole and "--only speed" in capsys.readouterr().out


def test_times_of_fit_are_of_todays_code(code, tmp_path, monkeypatch):
    monkeypatch.setattr(records, "RESULTS", tmp_path)
    answer = types.SimpleNamespace(stdout=json.dumps({"seconds": 2.0, "epochs": [1.0, 1.0]}))
    monkeypatch.setattr(time_fit.subprocess, "run", lambda *_, **__: answer)
    monkeypatch.setattr("sys.argv", ["time_fit.py", "--rounds", "1"])
    time_fit.main()
    record = json.loads((tmp_path / "07_time_fit.json").read_text())
    assert not records.is_stale("07_time_fit") and record["date"] and record["machine"] == OURS
    assert set(record["median_seconds"].values()) == {2.0} and record["runs"].keys() == time_fit.WAYS.keys()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux hands the peak on to a new process")
def test_the_peak_of_a_turn_does_not_begin_with_the_memory_of_the_process_that_started_it():
    held = np.ones(50_000_000)  # 400 MB
    code = "import race_step; print(race_step.peak()); kept = b'x' * 100_000_000; print(race_step.peak())"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=records.ROOT / "notebooks/scripts", capture_output=True, text=True, check=True
    )
    before, after = map(int, done.stdout.split())
    assert before < held.nbytes / 1e6 and before + 95 < after < before + 130

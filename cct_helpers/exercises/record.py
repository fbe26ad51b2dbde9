"""What is solved, over sessions and notebooks, in one small file of the user's.

The file lies in the user's data folder, or where `CCT_PROGRESS` says; `CCT_PROGRESS=off` keeps everything in memory. It
holds the names of exercises with four facts each, and nothing about the person. It is replaced whole, under a lock, so
that two kernels at once lose nothing. What cannot be read or written costs one sentence, and the course goes on.
"""

import contextlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import platformdirs

VERSION = 1
NEW = {"state": "tried", "tries": 0, "hints": 0, "shown": False}
STATES = ("tried", "solved", "solved with help")  # an exercise that is not in the file is not begun
REPOSITORY = Path(__file__).parents[2]
LOCK_SECONDS = 3  # a lock takes milliseconds; an older one was left by a kernel that died
_memory = {}  # the list of a session whose file cannot be used: path -> entries
_said = set()


def file():
    """The file of this user as a `Path`, or None if `CCT_PROGRESS` is "off"."""
    chosen = os.environ.get("CCT_PROGRESS", "").strip()
    if chosen.lower() == "off":
        return None
    folder = platformdirs.user_data_path("cct-course", appauthor=False)
    return Path(chosen).expanduser().absolute() if chosen else folder / "progress.json"


def on_colab():
    """Whether the file lies on a machine of Colab, which is given back with all its files."""
    return "google.colab" in sys.modules and not os.environ.get("CCT_PROGRESS")


def lasts():
    """How long the list is kept, in one sentence."""
    path = file()
    if path is None or path in _memory:
        return "This list lasts as long as the kernel."
    if on_colab():
        return (
            "On Colab this list lasts as long as the runtime. To keep it, mount your Drive and set "
            'os.environ["CCT_PROGRESS"] = "/content/drive/MyDrive/cct_progress.json" before the first check.'
        )
    home = str(Path.home())
    return f"Kept between sessions in {str(path).replace(home, '~', 1) if str(path).startswith(home) else path}."


def read():
    """Exercise name -> its entry: `state`, `tries` that were wrong, `hints` seen, `shown` (the solution)."""
    path = file()
    if path is None or path in _memory:
        return {name: dict(entry) for name, entry in _memory.get(path, {}).items()}
    try:
        return parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        return _give_up(path, f"cannot be read ({error.strerror})")
    except OtherVersion as error:
        return _give_up(path, f"was written by another version of the course ({error}) and is left as it is")
    except ValueError:
        return _set_aside(path)


def update(name, change):
    """Replace the entry of one exercise by `change(entry)`, and return it. An exercise not begun starts as `NEW`."""
    path = file()
    if path is None or path in _memory:
        return _update_memory(path, name, change)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if REPOSITORY in path.resolve().parents:
            _give_up(path, "lies in the repository, where it may be published by mistake")
            return _update_memory(path, name, change)
        with _locked(path):
            entries = read()
            if path in _memory:
                return _update_memory(path, name, change)
            entries[name] = change({**NEW, **entries.get(name, {})})
            _write(path, {"version": VERSION, "exercises": entries})
            return entries[name]
    except OSError as error:
        _give_up(path, f"cannot be written ({error.strerror})", _readable(path))
        return _update_memory(path, name, change)


class OtherVersion(ValueError):
    """The file has a format that this version of the course does not know."""


def parse(text):
    """The entries in the text of a record. Raises `OtherVersion`, or ValueError for a text that is no record."""
    data = json.loads(text)
    if not isinstance(data, dict) or not isinstance(data.get("version"), int):
        raise ValueError("no record of solved exercises: it has no version")
    if data["version"] != VERSION:
        raise OtherVersion(f"format {data['version']}, this one knows {VERSION}")
    entries = data.get("exercises")
    if not isinstance(entries, dict) or not all(map(_is_entry, entries.values())):
        raise ValueError("no record of solved exercises: its entries are damaged")
    return entries


def _is_entry(entry):
    numbers = isinstance(entry, dict) and all(type(entry.get(key)) is int for key in ("tries", "hints"))
    return numbers and entry.get("state") in STATES and type(entry.get("shown")) is bool


def _update_memory(path, name, change):
    entries = _memory.setdefault(path, {})
    entries[name] = change({**NEW, **entries.get(name, {})})
    return entries[name]


def _readable(path):
    with contextlib.suppress(OSError, ValueError):
        return parse(path.read_text(encoding="utf-8"))
    return {}


def _give_up(path, why, entries=()):
    """From now on this session keeps its list in memory, and says so once."""
    _memory.setdefault(path, dict(entries))
    _say_once(f"The record of solved exercises, {path}, {why}: this session's list lasts as long as the kernel.")
    return dict(_memory[path])


def _set_aside(path):
    aside = path.with_name(f"{path.stem}.damaged{path.suffix}")
    try:
        os.replace(path, aside)
    except OSError:
        return _give_up(path, "is damaged")
    _say_once(f"The record of solved exercises was damaged: a new one begins, and the old one is kept as {aside}.")
    return {}


def _say_once(sentence):
    if sentence not in _said:
        _said.add(sentence)
        print(sentence)


@contextlib.contextmanager
def _locked(path):
    """Hold the file `path`.lock, which only one process can make."""
    lock = path.with_name(path.name + ".lock")
    while True:
        try:
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            break
        except FileExistsError:
            with contextlib.suppress(FileNotFoundError):
                if time.time() - lock.stat().st_mtime > LOCK_SECONDS:
                    lock.unlink()
        time.sleep(0.01)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)


def _write(path, data):
    """The whole file or nothing: write beside it, then replace it."""
    handle, beside = tempfile.mkstemp(prefix=path.stem, suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump(data, stream, indent=1, sort_keys=True)
            stream.flush()
            os.fsync(stream.fileno())
        _replace(beside, path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


def _replace(source, target):
    for wait in (0.01, 0.05, 0.2, 0.5):
        try:
            return os.replace(source, target)
        except PermissionError:  # Windows, while another kernel reads the file
            time.sleep(wait)
    return os.replace(source, target)

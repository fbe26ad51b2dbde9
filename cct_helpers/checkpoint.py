"""The checkpoint of a training run: one .npz file, no pickle, replaced whole after every epoch."""

import dataclasses
import json
import os
import tempfile
import zlib
from pathlib import Path

import keras
import numpy as np


class Checkpoint:
    """All that a run needs to go on, in `folder`/checkpoint.npz; `folder`/history.json beside it is for people.

    The file holds the variables of the model (dropout's random state is among them) and of the optimizer, the weights
    of the best epoch, the history, and which run it is of: recipe, seed, shapes of the model's variables, and
    checksums of the data. With folder None nothing is saved.
    """

    def __init__(self, folder, model, data, recipe, seed):
        self.folder = folder and Path(folder)
        if not folder:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=self.folder).close()  # a folder that takes no file is found out before training
        except OSError as error:
            raise ValueError(
                f"folder={str(folder)!r} cannot be made or written to ({error.strerror}): name another."
            ) from None
        arrays = [np.ascontiguousarray(part) for part in (data.x_train, data.y_train, data.x_val, data.y_val)]
        run = {
            "recipe": dataclasses.asdict(recipe),
            "seed": int(seed),
            "model": [list(v.shape) for v in model.variables],
            "data": [(part.shape, zlib.crc32(part)) for part in arrays],
        }
        self.run = json.loads(json.dumps(run))

    def load(self, model):
        """Give `model` and its optimizer the state after the last whole epoch.

        Returns (history, weights of the best epoch), or (None, None) where nothing was saved. Raises ValueError for a
        file that is damaged or belongs to another run; the model is then unchanged.
        """
        if not self.folder or not (self.folder / "checkpoint.npz").exists():
            return None, None
        path = self.folder / "checkpoint.npz"
        try:
            with np.load(path, allow_pickle=False) as file:
                saved = {name: file[name] for name in file.files}
            run, history = json.loads(str(saved["run"])), json.loads(str(saved["history"]))
            state = [saved[f"state_{i}"] for i in range(sum(name.startswith("state_") for name in saved))]
            best = [saved[f"best_{i}"] for i in range(len(model.weights))]
        except Exception as error:  # one flipped bit makes zipfile raise any of a dozen kinds
            raise ValueError(
                f"{path} is damaged ({error}): delete it to start again, or name another folder."
            ) from None
        different = [part for part in self.run if run.get(part) != self.run[part]]
        if different:
            raise ValueError(
                f"{path} belongs to a run with another {' and another '.join(different)}: "
                "call fit as that run did, or name another folder."
            )
        variables = [*model.variables, *model.optimizer.variables]
        if [value.shape for value in state] != [tuple(variable.shape) for variable in variables]:
            raise ValueError(
                f"{path} holds another optimizer's state, perhaps of another version of Keras (this is "
                f"{keras.__version__}): use the version that wrote it, or name another folder."
            )
        assign_values(variables, state)
        self._write_history(history)
        return history, best

    def save(self, model, best, history):
        """Replace the file of the epoch before."""
        if not self.folder:
            return
        state = copy_values([*model.variables, *model.optimizer.variables])
        arrays = {f"state_{i}": value for i, value in enumerate(state)}
        arrays |= {f"best_{i}": value for i, value in enumerate(best)}
        arrays |= {"run": np.array(json.dumps(self.run)), "history": np.array(json.dumps(history))}
        self._replace("checkpoint.npz", lambda file: np.savez(file, **arrays))
        self._write_history(history)

    def _write_history(self, history):
        path, text = self.folder / "history.json", json.dumps(history, indent=1).encode()
        if not path.exists() or path.read_bytes() != text:  # the same after a resume, but for a kill before this line
            self._replace("history.json", lambda file: file.write(text))

    def _replace(self, name, write):
        temporary = self.folder / f"{name}.part"
        try:
            with open(temporary, "wb") as file:
                write(file)
            os.replace(temporary, self.folder / name)
        except OSError as error:
            raise OSError(
                f"{self.folder / name} could not be written ({error.strerror or error}). What it held after the epoch "
                "before is still there: make room, then call fit again, which goes on from there."
            ) from error
        finally:
            temporary.unlink(missing_ok=True)


def copy_values(variables):
    """The values of Keras variables, as a list of NumPy arrays that later training steps leave alone."""
    return [np.array(keras.ops.convert_to_numpy(keras.ops.copy(variable))) for variable in variables]


def assign_values(variables, values):
    """Give each Keras variable its value."""
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)

"""One line of progress an epoch: updated in place in a notebook or terminal, printed once elsewhere."""

import shutil
import sys
from time import perf_counter

UPDATE_SECONDS = 0.5


class Progress:
    """Shows how far a training run is.

    In a notebook (JupyterLab, Colab, VS Code) all lines are one plain-text output that is updated in place, so a
    saved notebook has them once. In a terminal the line of the running epoch is rewritten; in a file or pipe each
    epoch is one printed line.
    `images_per_second` is the running epoch's speed, without its first batch, which may compile.
    """

    def __init__(self, verbose, epochs, steps, batch_size):
        self.verbose, self.epochs, self.steps, self.batch_size = verbose, epochs, steps, batch_size
        self.lines, self.display, self.live_width = [], None, 0
        self.in_notebook = _in_notebook()
        self.updates_in_place = verbose and (self.in_notebook or sys.stdout.isatty())
        self.epoch_seconds = None

    def start(self, epoch):
        """Begin epoch `epoch`, counted from 0."""
        self.epoch, self.started, self.last_shown = epoch, perf_counter(), 0.0

    def step(self, done, loss, top1):
        """`done` batches of this epoch are trained; loss and top1 are their means."""
        self.last_step = perf_counter()
        if done == 1:
            self.first_step = self.last_step
            self.images_per_second = self.batch_size / (self.last_step - self.started)
        else:
            self.images_per_second = (done - 1) * self.batch_size / (self.last_step - self.first_step)
        if self.updates_in_place and self.last_step - self.last_shown >= UPDATE_SECONDS:
            self.last_shown = self.last_step
            seconds_left = (self.steps - done) * self.batch_size / self.images_per_second
            seconds_left += (self.epoch_seconds or self._training_seconds()) * (self.epochs - self.epoch - 1)
            self._show_live(self._text(loss, top1, f"batch {done}/{self.steps}", seconds_left))

    def end(self, loss, top1, val_top1, improved):
        """The epoch is trained and validated; `improved` marks the best so far."""
        self.epoch_seconds = self._training_seconds() + perf_counter() - self.last_step
        validation = f"val {100 * val_top1:5.1f} % " + ("(best)" if improved else "      ")
        self.line(self._text(loss, top1, validation, self.epoch_seconds * (self.epochs - self.epoch - 1)))

    def line(self, text):
        """Show `text` as a line that stays."""
        self.lines.append(text)
        if self.verbose and self.in_notebook:
            self._update_display(self.lines)
        elif self.verbose:
            print("\r" * self.updates_in_place + text.ljust(self.live_width), flush=True)
            self.live_width = 0

    def _training_seconds(self):
        return self.steps * self.batch_size / self.images_per_second

    def _text(self, loss, top1, middle, seconds_left):
        width, minutes = len(str(self.epochs)), int(seconds_left) // 60
        left = f"{minutes // 60}:{minutes % 60:02d}:{int(seconds_left) % 60:02d}" if minutes >= 60 else ""
        return (
            f"epoch {self.epoch + 1:>{width}}/{self.epochs}  loss {loss:.3f}  train {100 * top1:5.1f} %  {middle}  "
            f"{self.images_per_second:7,.0f} images/s  {left or f'{minutes}:{int(seconds_left) % 60:02d}'} left"
        )

    def _show_live(self, text):
        if self.in_notebook:
            self._update_display([*self.lines, text])
        else:
            text = text[: shutil.get_terminal_size().columns - 1]  # a line that wraps cannot be rewritten
            print("\r" + text.ljust(self.live_width), end="", flush=True)
            self.live_width = len(text)

    def _update_display(self, lines):
        bundle = {"text/plain": "\n".join(lines)}
        if self.display is None:
            from IPython.display import display

            self.display = display(bundle, raw=True, display_id=True)
        else:
            self.display.update(bundle, raw=True)


def _in_notebook():
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return getattr(shell, "kernel", None) is not None

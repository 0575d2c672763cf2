"""One run of the training loop: steps in chunks, and what is shown, saved and evaluated between them."""

from __future__ import annotations

import itertools
import math
import signal
import sys
import time
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from lp_recognition.model_files import checkpoints
from lp_recognition.system.errors import UserError
from lp_recognition.training.schedule import Schedule
from lp_recognition.training.task import Evaluation, Task

#: An alarm of the task is repeated after so many steps.
_ALARM_STEPS = 1000


class Run:
    """What is shown, saved and evaluated between the steps of a task.

    Attributes:
        first_step: Where the run begins.
        step: Steps done, in this run and before.
        interrupted: Whether somebody asked it to stop.
        evaluation: The last one.
    """

    def __init__(self, task: Task, step: int) -> None:
        from tensorboardX import SummaryWriter
        from tqdm import tqdm

        self.task = task
        self.config = config = task.config
        self.evaluation: Evaluation | None = None
        self.first_step = step
        self.started = time.monotonic()
        self.spent_elsewhere = 0.0
        self.step = step
        self.interrupted = False
        self.writer = SummaryWriter(config.model_dir, purge_step=step + 1) if config.train.need_to_save_log else None
        interactive = sys.stderr.isatty()
        self.bar = tqdm(
            total=config.train.steps, initial=step, unit="step", file=sys.stderr, dynamic_ncols=interactive,
            mininterval=0.5 if interactive else 30, miniters=None if interactive else config.train.display_iter,
        )  # fmt: skip

    @property
    def samples_per_second(self) -> float:
        """Over all steps of this run, evaluation and saving left out."""
        seconds = time.monotonic() - self.started - self.spent_elsewhere
        return (self.step - self.first_step) * self.config.train.batch_size / max(seconds, 1e-9)

    def train_phase(self, model: keras.Model, start: int, stop: int) -> None:
        """Trains from step `start` to `stop`, or as far as it gets before an interrupt."""
        every = self.config.train.save_checkpoints_steps
        batches = iter(self.task.batches(start, stop))
        self.step = start
        try:
            while self.step < stop and not self.interrupted:
                chunk_end = min(stop, (self.step // every + 1) * every)
                steps = chunk_end - self.step
                monitor = _Monitor(self)
                with _graceful_interrupt(monitor):
                    # A generator over just this chunk: Keras reads ahead, and must not read into the next.
                    chunk = (batch for batch in itertools.islice(batches, steps))
                    model.fit(chunk, steps_per_epoch=steps, shuffle=False, verbose=0, callbacks=[monitor])
                began = time.monotonic()
                self._finish_chunk(model)
                self.spent_elsewhere += time.monotonic() - began
                self.interrupted = monitor.interrupted
        finally:
            if hasattr(batches, "close"):  # worker processes end here, not in the noise of an exit
                batches.close()

    def _finish_chunk(self, model: keras.Model) -> None:
        config = self.config
        if config.train.need_to_save_weights:
            arrays = checkpoints.model_arrays(model) | checkpoints.optimizer_arrays(model)
            if not all(np.isfinite(array).all() for array in arrays.values()):
                self.stop_on("a weight", math.nan)
            path = checkpoints.checkpoint_path(config.model_dir, self.step)
            checkpoints.save_checkpoint(path, self.step, config, arrays)
        self.evaluate(model)
        if config.train.need_to_save_weights:
            checkpoints.delete_old_checkpoints(config.model_dir, config.train.checkpoints_to_keep)

    def evaluate(self, model: keras.Model) -> None:
        """Measures the model, where there is something to measure it on, and remembers the best checkpoint."""
        evaluation = self.task.evaluate(model)
        if evaluation is None:
            return
        config, self.evaluation = self.config, evaluation
        self.bar.write(f"step {self.step}: {evaluation.summary}", file=sys.stderr)
        # A float model cannot be the best of a run whose product is the quantized one.
        counts = not config.quantization_aware or self.step > config.train.quantization_delay
        if config.train.need_to_save_weights:
            best = checkpoints.read_best(config.model_dir)
            if counts and (best is None or evaluation.headline >= best[1]):
                best = self.step, evaluation.headline
            checkpoints.record_evaluation(config.model_dir, self.step, best)
        if self.writer is not None:
            for name, value in evaluation.scalars.items():
                self.writer.add_scalar(f"evaluation/{name}", value, self.step)
            for name, picture in evaluation.pictures.items():
                self.writer.add_image(name, picture[:, :, ::-1], self.step, dataformats="HWC")
            self.writer.flush()

    def show(self, means: Mapping[str, float]) -> None:
        """Shows the means of watched figures over the last steps; stops a run that has gone wrong.

        Args:
            means: By Keras' names, the loss of the labels first.
        """
        loss = next(iter(means.values()))
        if not math.isfinite(loss):
            self.stop_on("the loss", loss)
        self.bar.set_postfix_str(f"loss {loss:.3f}, {self.samples_per_second:.0f} samples/s", refresh=False)
        if self.writer is not None:
            for name, value in means.items():
                self.writer.add_scalar(self.task.watched[name], value, self.step)
            self.writer.add_scalar("learning_rate", self.learning_rate, self.step)
        if self.step % _ALARM_STEPS < self.config.train.display_iter:
            alarm = self.task.alarm(means, self.step - self.first_step)
            if alarm:
                self.bar.write(f"warning: after {self.step} steps {alarm}", file=sys.stderr)

    @property
    def learning_rate(self) -> float:
        """That of the last step."""
        return float(np.asarray(Schedule(self.config.train)(self.step - 1)))

    def stop_on(self, what: str, value: float) -> None:
        """Ends a run that has gone wrong, before its checkpoint is written."""
        previous = max(self.first_step, self.step - self.config.train.display_iter)
        raise UserError(
            f"{what} became {value} between steps {previous} and {self.step}; start again from the last checkpoint "
            f"with a lower train.learning_rate (it was {self.learning_rate:.2g}) or a smaller train.clip_norm"
        )

    def close(self) -> None:
        """Closes the progress line and the log."""
        self.bar.close()
        if self.writer is not None:
            self.writer.close()


class _Monitor(keras.callbacks.Callback):
    """Counts steps, and hands the run the means over every `display_iter` of them."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self.run = run
        self.interrupted = False
        self.done = 0
        self.shown = 0
        self.sums: dict[str, float] = dict.fromkeys(run.task.watched, 0.0)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Counts a step; Keras' logs are means since the first step of the chunk."""
        run = self.run
        run.step += 1
        run.bar.update()
        self.done += 1
        if run.step % run.config.train.display_iter == 0 and logs is not None:
            sums = {name: float(logs[name]) * self.done for name in self.sums}
            count = self.done - self.shown
            means = {name: (sums[name] - self.sums[name]) / count for name in sums}
            self.sums, self.shown = sums, self.done
            run.show(means)
        if self.interrupted:
            self.model.stop_training = True


class _graceful_interrupt:  # noqa: N801 - reads as a function where it is used
    """Lets the step under way end on Ctrl-C or SIGTERM and be saved; a second Ctrl-C ends at once."""

    def __init__(self, monitor: _Monitor) -> None:
        self.monitor = monitor
        self.previous: dict[int, Any] = {}

    def _handle(self, number: int, frame: Any) -> None:
        if self.monitor.interrupted:
            raise KeyboardInterrupt
        self.monitor.interrupted = True
        print("\nstopping after this step, saving ...", file=sys.stderr)

    def __enter__(self) -> None:
        try:
            for number in (signal.SIGINT, signal.SIGTERM):
                self.previous[number] = signal.signal(number, self._handle)
        except ValueError:  # not the main thread: whoever started it handles signals
            pass

    def __exit__(self, *_: object) -> None:
        for number, handler in self.previous.items():
            signal.signal(number, handler)

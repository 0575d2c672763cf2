"""One run of the training loop: steps in chunks, and what is shown, saved and evaluated between them."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import keras
import numpy as np

from lp_recognition.model_files import checkpoints
from lp_recognition.system.errors import UserError
from lp_recognition.system.interrupts import graceful
from lp_recognition.training.event_log import EventLog
from lp_recognition.training.feed import Feed
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
        best: Step and headline figure of the best checkpoint, where any evaluation counted yet.
        stale: Evaluations since the best got better.
    """

    def __init__(self, task: Task, step: int) -> None:
        from tqdm import tqdm

        self.task = task
        self.config = config = task.config
        self.evaluation: Evaluation | None = None
        self.first_step = step
        self.started = time.monotonic()
        self.spent_elsewhere = 0.0
        self.step = step
        self.interrupted = False
        self.best: tuple[int, float] | None = None
        self.stale = 0
        if config.train.need_to_save_weights:
            self.best, self.stale = (
                checkpoints.read_best(config.model_dir),
                checkpoints.stale_evaluations(config.model_dir),
            )
        self.log = EventLog(config.model_dir, step) if config.train.need_to_save_log else None
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

    @property
    def stopped_early(self) -> bool:
        """Whether it has got no better for so long that it need not go on."""
        return 0 < self.config.train.early_stopping <= self.stale

    def train_phase(self, model: keras.Model, start: int, stop: int) -> None:
        """Trains from step `start` to `stop`, or as far as it gets before an interrupt or an early end."""
        every = self.config.train.save_checkpoints_steps
        self.step = start
        stopping, ended = "stopping after this step, saving", "the last checkpoint is whole"
        with graceful(self._interrupt, stopping=stopping, ended=ended):
            feed = Feed(self.task.batches(start, stop))
            try:
                while self.step < stop and not (self.interrupted or self.stopped_early):
                    chunk_end = min(stop, (self.step // every + 1) * every)
                    if not self._train_chunk(model, feed, chunk_end - self.step):
                        break
                    began = time.monotonic()
                    self._finish_chunk(model)
                    self.spent_elsewhere += time.monotonic() - began
            finally:
                feed.close()  # worker processes end here, not in the noise of an exit
        if self.stopped_early and self.best is not None:
            self.say(
                f"step {self.step}: no better in the last {self.stale} evaluations (train.early_stopping), so the "
                f"training ends; the best was step {self.best[0]}"
            )

    def _interrupt(self) -> bool:
        before, self.interrupted = self.interrupted, True
        return before

    def _train_chunk(self, model: keras.Model, feed: Feed, steps: int) -> bool:
        """Trains so many steps, fewer on an interrupt; returns whether there is anything new to save."""
        first = self.step
        try:
            model.fit(feed.take(steps), steps_per_epoch=steps, shuffle=False, verbose=0, callbacks=[_Monitor(self)])
        except Exception:
            if feed.error is None:
                raise
            if not self.interrupted:
                raise feed.error from None
            # Whoever stops a group of processes stops those that prepare batches, too: what was trained is saved.
        return self.step > first

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
        self.say(f"step {self.step}: {evaluation.summary}")
        # A float model cannot be the best of a run whose product is the quantized one.
        if not config.quantization_aware or self.step > config.train.quantization_delay:
            self.stale = 0 if self.best is None or evaluation.headline > self.best[1] else self.stale + 1
            if self.best is None or evaluation.headline >= self.best[1]:  # of equals the one that learnt longer
                self.best = self.step, evaluation.headline
        if config.train.need_to_save_weights:
            checkpoints.record_evaluation(config.model_dir, self.step, self.best, self.stale)
        if self.log is not None:
            for name, value in evaluation.scalars.items():
                self.log.add_scalar(f"evaluation/{name}", value, self.step)
            for name, picture in evaluation.pictures.items():
                self.log.add_picture(name, picture, self.step)
            self.log.flush()

    def say(self, line: str) -> None:
        """Prints a line for the user, above the progress."""
        self.bar.write(line, file=sys.stderr)

    def show(self, means: Mapping[str, float]) -> None:
        """Shows the means of watched figures over the last steps; stops a run that has gone wrong.

        Args:
            means: By Keras' names, the loss of the labels first.
        """
        loss = next(iter(means.values()))
        if not math.isfinite(loss):
            self.stop_on("the loss", loss)
        self.bar.set_postfix_str(f"loss {loss:.3f}, {self.samples_per_second:.0f} samples/s", refresh=False)
        if self.log is not None:
            for name, value in means.items():
                self.log.add_scalar(self.task.watched[name], value, self.step)
            self.log.add_scalar("learning_rate", self.learning_rate, self.step)
        if self.step % _ALARM_STEPS < self.config.train.display_iter:
            alarm = self.task.alarm(means, self.step - self.first_step)
            if alarm:
                self.say(f"warning: after {self.step} steps {alarm}")

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
        if self.log is not None:
            self.log.close()

    def __enter__(self) -> Run:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        try:
            self.close()
        except UserError:  # what ended the run is worth more than what became of its log
            if error is None:
                raise


class _Monitor(keras.callbacks.Callback):
    """Counts steps, and hands the run the means over every `display_iter` of them."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self.run = run
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
        if run.interrupted:
            self.model.stop_training = True

"""Training: phases, schedule, optimizer, the loop in chunks that end on a checkpoint, and what is shown meanwhile.

A run is a sequence of chunks of `save_checkpoints_steps`. Each ends on a checkpoint that holds all that the next step
depends on, so a run that was killed anywhere and is started again makes the very steps it would have made.
"""

from __future__ import annotations

import itertools
import math
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from lp_recognition.evaluation.metrics import Metrics
from lp_recognition.evaluation.recognition import EvaluationList, read_with_model
from lp_recognition.lists.drawn import alphabet_of, check_drawn
from lp_recognition.lists.rows import LabelledRows, check_labels, load_rows
from lp_recognition.model_files import checkpoints
from lp_recognition.networks.class_transfer import transfer_weights
from lp_recognition.networks.losses import BlankShare, CTCLoss
from lp_recognition.networks.lprnet import Architecture, build_lprnet
from lp_recognition.settings.loading import refuse_other_model, save_settings
from lp_recognition.settings.recognition import RecognitionConfig
from lp_recognition.system.errors import ConfigError, UserError
from lp_recognition.texts.vocabulary import Vocabulary
from lp_recognition.training import batches as dataset
from lp_recognition.training.distillation import DistilledModel, load_teacher
from lp_recognition.training.optimizers import build_optimizer
from lp_recognition.training.schedule import Schedule

#: The model writes nothing but blanks at first; for this many steps that is as it should be.
_PATIENCE_WITH_BLANKS = 2000
_MISREADS_SHOWN = 24


@dataclass(frozen=True)
class TrainingResult:
    """How a training ended.

    Attributes:
        step: Steps done.
        finished: False where it was interrupted.
        metrics: Of the last evaluation, or None without one.
        samples_per_second: Over the steps of this run.
    """

    step: int
    finished: bool
    metrics: Metrics | None
    samples_per_second: float


def train(config: RecognitionConfig, init_checkpoint: str = "") -> TrainingResult:
    """Trains a model, or goes on with the training that `model_dir` holds.

    Args:
        config: What to train.
        init_checkpoint: Start from its weights, not at random (not used when a training goes on). Where it is given,
            quantization starts at the first step.

    Raises:
        UserError: anything in the config, the lists or the folder that would spoil the run; before the first step.
    """
    init_checkpoint = init_checkpoint or config.train.checkpoint
    resumed = _latest_checkpoint(config)
    config, vocabulary, data = _resolve(config, resumed, init_checkpoint)
    keras.utils.set_random_seed(config.train.random_seed)
    evaluation = EvaluationList.from_config(config, vocabulary)

    step = 0 if resumed is None else resumed.step
    model = _build(config, vocabulary, step)
    if resumed is not None:
        checkpoints.restore_model(model, resumed)
        checkpoints.restore_optimizer(model, resumed)
    elif init_checkpoint:
        transfer_weights(model, vocabulary, checkpoints.load_checkpoint(init_checkpoint))
    if config.train.need_to_save_weights:
        save_settings(config, Path(config.model_dir) / "config.yaml")
        if resumed is None:  # an earlier training whose checkpoints are gone has no say in what is best
            checkpoints.record_evaluation(config.model_dir, 0, None)

    run = _Run(config, vocabulary, evaluation, step)
    try:
        if resumed is not None:  # it may have been killed between saving, evaluating and tidying up
            if step > checkpoints.last_evaluated(config.model_dir):
                run.evaluate(model)
            checkpoints.delete_old_checkpoints(config.model_dir, config.train.checkpoints_to_keep)
        for start, stop in _phases(config, step):
            if start > run.first_step:  # over the border, in one run
                model = _quantized_copy(config, vocabulary, model, start)
            run.train_phase(model, data, start, stop)
            if run.interrupted:
                break
    finally:
        run.close()
    return TrainingResult(run.step, run.step == config.train.steps, run.metrics, run.samples_per_second)


def _latest_checkpoint(config: RecognitionConfig) -> checkpoints.Checkpoint | None:
    if not config.train.need_to_save_weights:
        return None
    found = checkpoints.list_checkpoints(config.model_dir)
    return checkpoints.load_checkpoint(list(found.values())[-1]) if found else None


def _resolve(
    config: RecognitionConfig, resumed: checkpoints.Checkpoint | None, init_checkpoint: str
) -> tuple[RecognitionConfig, Vocabulary, LabelledRows]:
    """Settles what the run depends on: rows, alphabet, when quantization starts."""
    train = config.train
    if not train.file_list_path and train.generated_share < 1:
        raise ConfigError(
            "train.file_list_path: expected a list of plates, received none; name one, or set train.generated_share=1 "
            "to train on drawn plates alone"
        )
    data = LabelledRows([], [])
    if train.file_list_path and train.generated_share < 1:
        data = load_rows(train.file_list_path, skip_bad_rows=train.skip_bad_rows)
    if resumed is not None:
        refuse_other_model(config, resumed.config, str(resumed.path))
        vocabulary = resumed.vocabulary
        delay = resumed.config.train.quantization_delay
    else:
        vocabulary = alphabet_of(config)
        delay = 0 if init_checkpoint else train.quantization_delay
        if config.quantization_aware and delay == 0 and not init_checkpoint:
            raise ConfigError(
                "train.quantization_delay: expected some float steps before quantization starts, received 0; raise it, "
                "or start from a float checkpoint with --init_checkpoint"
            )
    if config.quantization_aware and delay > train.steps:
        raise ConfigError(
            f"train.quantization_delay: expected at most train.steps ({train.steps}), received {delay}: the run would "
            "end before quantization starts"
        )
    architecture = Architecture.from_config(config, vocabulary.num_classes)
    try:
        architecture.check()
    except ValueError as error:
        raise ConfigError(f"input_shape: {error}") from None
    check_drawn(config, vocabulary)
    if data.rows:
        data = check_labels(data, vocabulary, config, architecture.time_steps)
    for reason in data.skipped[:5]:
        print(f"skipped: {reason}", file=sys.stderr)
    if data.skipped:
        print(f"skipped {len(data.skipped)} bad rows, {len(data.rows)} are left", file=sys.stderr)
    train = train.model_copy(update={"quantization_delay": delay, "checkpoint": init_checkpoint})
    config = config.with_values(alphabet=vocabulary.symbols, train=train.model_dump())
    return config, vocabulary, data


def _is_quantized(config: RecognitionConfig, step: int) -> bool:
    return config.quantization_aware and step >= config.train.quantization_delay


def _phases(config: RecognitionConfig, step: int) -> Iterator[tuple[int, int]]:
    """The float and the quantized part of what is left, as far as there are both."""
    borders = [step, config.train.steps]
    if config.quantization_aware and step < config.train.quantization_delay < config.train.steps:
        borders.insert(1, config.train.quantization_delay)
    return itertools.pairwise(borders)


def _build(config: RecognitionConfig, vocabulary: Vocabulary, step: int) -> keras.Model:
    """The compiled model of a step, float or quantization-aware."""
    train = config.train
    quantized = _is_quantized(config, step)
    model = build_lprnet(
        Architecture.from_config(config, vocabulary.num_classes),
        quantization_aware=quantized,
        per_channel=config.quantize_per_channel,
        # Steps of 8 bits are finer than bfloat16's.
        precision="float32" if quantized else train.precision,
        dropout_rate=train.dropout_rate,
        weight_decay=0.0 if train.opt_type == "AdamW" else train.weight_decay,
        random_seed=train.random_seed,
    )
    if train.teacher:
        model = DistilledModel(model, load_teacher(train.teacher, config, vocabulary), train.teacher_share)
    model.compile(
        optimizer=build_optimizer(train),
        loss=CTCLoss(vocabulary.blank_index),
        metrics=[
            keras.metrics.MeanMetricWrapper(CTCLoss(vocabulary.blank_index), name="ctc"),
            BlankShare(vocabulary.blank_index),
        ],
        # XLA compiles for minutes and is no faster for these shapes on a CPU; JAX knows no other way.
        jit_compile="auto" if keras.backend.backend() == "jax" else False,
    )
    model.optimizer.build(model.trainable_variables)
    return model


def _quantized_copy(config: RecognitionConfig, vocabulary: Vocabulary, model: keras.Model, step: int) -> keras.Model:
    """The model with quantizers, its weights, seeds and optimizer going on from the float one."""
    quantized = _build(config, vocabulary, step)
    arrays = checkpoints.model_arrays(model) | checkpoints.optimizer_arrays(model)
    state = checkpoints.Checkpoint(step, config, arrays, Path("float model"))
    checkpoints.restore_model(quantized, state)
    checkpoints.restore_optimizer(quantized, state)
    return quantized


class _Run:
    """One run of the loop: what is shown, saved and evaluated between the steps."""

    def __init__(
        self, config: RecognitionConfig, vocabulary: Vocabulary, evaluation: EvaluationList | None, step: int
    ) -> None:
        from tensorboardX import SummaryWriter
        from tqdm import tqdm

        self.config = config
        self.vocabulary = vocabulary
        self.evaluation = evaluation
        self.metrics: Metrics | None = None
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

    def train_phase(self, model: keras.Model, data: LabelledRows, start: int, stop: int) -> None:
        """Trains from step `start` to `stop`, or as far as it gets before an interrupt."""
        every = self.config.train.save_checkpoints_steps
        batches = iter(dataset.training_batches(self.config, data, self.vocabulary, start, stop))
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
        """Reads the evaluation list, where there is one, shows what came out and remembers the best checkpoint."""
        if self.evaluation is None:
            return
        config = self.config
        result = read_with_model(model, self.evaluation, config, self.vocabulary)
        self.metrics = result.metrics
        self.bar.write(
            f"step {self.step}: LP-RR {result.metrics.lp_rr:.1%} of {result.metrics.plates}", file=sys.stderr
        )
        # A float model cannot be the best of a run whose product is the quantized one.
        counts = not config.quantization_aware or self.step > config.train.quantization_delay
        if config.train.need_to_save_weights:
            best = checkpoints.read_best(config.model_dir)
            if counts and (best is None or result.metrics.lp_rr >= best[1]):
                best = self.step, result.metrics.lp_rr
            checkpoints.record_evaluation(config.model_dir, self.step, best)
        if self.writer is not None:
            self.writer.add_scalar("evaluation/lp_rr", result.metrics.lp_rr, self.step)
            self.writer.add_scalar("evaluation/character_accuracy", result.metrics.character_accuracy, self.step)
            sheet = result.misread_sheet(_MISREADS_SHOWN)
            if sheet is not None:
                self.writer.add_image("misread", sheet[:, :, ::-1], self.step, dataformats="HWC")
            self.writer.flush()

    def show(self, loss: float, optimization_loss: float, blank_share: float, learning_rate: float) -> None:
        """Shows the means over the last steps; stops a run that has gone wrong."""
        if not math.isfinite(loss):
            self.stop_on("the loss", loss)
        self.bar.set_postfix_str(f"loss {loss:.3f}, {self.samples_per_second:.0f} samples/s", refresh=False)
        if self.writer is not None:
            values = {
                "loss": loss,
                "optimization_loss": optimization_loss,
                "learning_rate": learning_rate,
                "blank_share": blank_share,
            }
            for name, value in values.items():
                self.writer.add_scalar(name, value, self.step)
        patient = self.step - self.first_step < _PATIENCE_WITH_BLANKS
        if blank_share > 0.9999 and not patient and self.step % 1000 < self.config.train.display_iter:
            self.bar.write(
                f"warning: after {self.step} steps the model still writes nothing but blanks; try a higher "
                "train.learning_rate, fewer kinds of augmentation, or look whether the labels belong to their images",
                file=sys.stderr,
            )

    def stop_on(self, what: str, value: float) -> None:
        """Ends a run that has gone wrong, before its checkpoint is written."""
        train = self.config.train
        previous = max(self.first_step, self.step - train.display_iter)
        learning_rate = float(np.asarray(Schedule(train)(self.step - 1)))
        raise UserError(
            f"{what} became {value} between steps {previous} and {self.step}; start again from the last checkpoint "
            f"with a lower train.learning_rate (it was {learning_rate:.2g}) or a smaller train.clip_norm"
        )

    def close(self) -> None:
        """Closes the progress line and the log."""
        self.bar.close()
        if self.writer is not None:
            self.writer.close()


class _Monitor(keras.callbacks.Callback):
    """Counts steps, and hands the run the means over every `display_iter` of them."""

    def __init__(self, run: _Run) -> None:
        super().__init__()
        self.run = run
        self.interrupted = False
        self.done = 0
        self.shown = 0
        self.sums: dict[str, float] = {"ctc": 0.0, "loss": 0.0, "blank_share": 0.0}

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
            learning_rate = float(np.asarray(Schedule(run.config.train)(run.step - 1)))
            run.show(means["ctc"], means["loss"], means["blank_share"], learning_rate)
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

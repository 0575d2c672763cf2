"""The training loop of any task: phases, float and 8 bits, resuming, and a run from one to the other.

A run is a sequence of chunks of `save_checkpoints_steps`. Each ends on a checkpoint that holds all that the next step
depends on, so a run that was killed anywhere and is started again makes the very steps it would have made.
"""

from __future__ import annotations

import contextlib
import itertools
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import keras

from lp_recognition.model_files import checkpoints
from lp_recognition.model_files.checkpoints import Checkpoint
from lp_recognition.settings.loading import save_settings
from lp_recognition.settings.training import TrainedConfig
from lp_recognition.training.distillation import DistilledModel
from lp_recognition.training.optimizers import build_optimizer
from lp_recognition.training.ownership import owned
from lp_recognition.training.resuming import describe_past, find_past, settle_start, tidy_up
from lp_recognition.training.run import Run
from lp_recognition.training.task import ConfigOf, Evaluation, Task, TaskMaker


@dataclass(frozen=True)
class TrainingResult:
    """How a training ended.

    Attributes:
        step: Steps done.
        finished: False where it was interrupted.
        stopped_early: Whether it finished because it got no better.
        evaluation: The last one, or None without any.
        samples_per_second: Over the steps of this run.
    """

    step: int
    finished: bool
    stopped_early: bool
    evaluation: Evaluation | None
    samples_per_second: float

    def describe(self, config: TrainedConfig) -> str:
        """Lines for a person: how it ended, where, and the last evaluation."""
        state = "interrupted, the same command goes on"
        if self.finished:
            state = "finished early" if self.stopped_early else "finished"
        line = f"{state}: step {self.step} of {config.train.steps}, checkpoints in {config.model_dir}"
        return line if self.evaluation is None else f"{line}\n{self.evaluation.summary}"


def train(config: ConfigOf, make_task: TaskMaker[ConfigOf], init_checkpoint: str = "") -> TrainingResult:
    """Trains a model, or goes on with the training that `model_dir` holds.

    Args:
        config: What to train.
        make_task: Makes the task of its settings.
        init_checkpoint: Start from its weights, not at random. Where it is given, quantization starts at the first
            step. A training that goes on must have begun from the same.

    Raises:
        UserError: anything in the config, the data or the folder that would spoil the run; before the first step.
    """
    writes = config.train.need_to_save_weights or config.train.need_to_save_log
    with owned(config.model_dir) if writes else contextlib.nullcontext():
        return _train(config, make_task, init_checkpoint or config.train.checkpoint)


def _train(config: ConfigOf, make_task: TaskMaker[ConfigOf], init_checkpoint: str) -> TrainingResult:
    past = find_past(config)
    resumed = past.checkpoint
    start = settle_start(config, resumed, init_checkpoint)
    task = make_task(start, resumed)
    settled = task.config
    keras.utils.set_random_seed(settled.train.random_seed)

    step = 0 if resumed is None else resumed.step
    model = _build(task, step)
    if resumed is not None:
        checkpoints.restore_model(model, resumed)
        checkpoints.restore_optimizer(model, resumed)
    elif init_checkpoint:
        task.initialize(model, checkpoints.load_checkpoint(init_checkpoint, type(config)))
    if settled.train.need_to_save_weights:
        save_settings(settled, Path(settled.model_dir) / "config.yaml")
        tidy_up(settled, past)
    _say(*describe_past(config, past), *task.announce(model))
    if step < settled.train.steps:
        _say(_plan(settled, step))

    with Run(task, step) as run:
        if resumed is not None:  # it may have been killed between saving, evaluating and tidying up
            if step > checkpoints.last_evaluated(settled.model_dir):
                run.evaluate(model)
            checkpoints.delete_old_checkpoints(settled.model_dir, settled.train.checkpoints_to_keep)
        for begin, end in _phases(settled, step):
            if begin > run.first_step:  # over the border, in one run
                run.say(f"step {begin}: from here on in 8 bits")
                model = _quantized_copy(task, model, begin)
            run.train_phase(model, begin, end)
            if run.interrupted or run.stopped_early:
                break
    finished = run.step == settled.train.steps or run.stopped_early
    return TrainingResult(run.step, finished, run.stopped_early, run.evaluation, run.samples_per_second)


def _say(*lines: str) -> None:
    for line in lines:
        print(line, file=sys.stderr, flush=True)


def _plan(config: TrainedConfig, step: int) -> str:
    """What comes: float, 8 bits, how many steps, in which folder."""
    train = config.train
    kinds = [
        f"in {'8 bits' if _is_quantized(config, start) else 'float'} to step {stop}"
        for start, stop in _phases(config, step)
    ]
    return (
        f"training: {', then '.join(kinds)}, {train.batch_size} at a time, on {keras.backend.backend()}; "
        f"what comes of it goes into {config.model_dir}"
    )


def _is_quantized(config: TrainedConfig, step: int) -> bool:
    return config.quantization_aware and step >= config.train.quantization_delay


def _phases(config: TrainedConfig, step: int) -> Iterator[tuple[int, int]]:
    """The float and the quantized part of what is left, as far as there are both."""
    borders = [step, config.train.steps]
    if config.quantization_aware and step < config.train.quantization_delay < config.train.steps:
        borders.insert(1, config.train.quantization_delay)
    return (phase for phase in itertools.pairwise(borders) if phase[0] < phase[1])


def _build(task: Task, step: int) -> keras.Model:
    """The compiled model of a step, float or quantization-aware."""
    train = task.config.train
    model = task.network(quantized=_is_quantized(task.config, step))
    teacher = task.teacher()
    if teacher is not None:
        model = DistilledModel(model, teacher, train.teacher_share)
    model.compile(
        optimizer=build_optimizer(train),
        loss=task.loss(),
        metrics=task.metrics(),
        # XLA compiles for minutes and is no faster for these shapes on a CPU; JAX knows no other way.
        jit_compile="auto" if keras.backend.backend() == "jax" else False,
    )
    model.optimizer.build(model.trainable_variables)
    return model


def _quantized_copy(task: Task, model: keras.Model, step: int) -> keras.Model:
    """The model with quantizers, its weights, seeds and optimizer going on from the float one."""
    quantized = _build(task, step)
    arrays = checkpoints.model_arrays(model) | checkpoints.optimizer_arrays(model)
    state = Checkpoint(step, task.config, arrays, Path("float model"))
    checkpoints.restore_model(quantized, state)
    checkpoints.restore_optimizer(quantized, state)
    return quantized

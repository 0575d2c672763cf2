"""The training loop of any task: phases, float and 8 bits, resuming, and a run from one to the other.

A run is a sequence of chunks of `save_checkpoints_steps`. Each ends on a checkpoint that holds all that the next step
depends on, so a run that was killed anywhere and is started again makes the very steps it would have made.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import keras

from lp_recognition.model_files import checkpoints
from lp_recognition.model_files.checkpoints import Checkpoint
from lp_recognition.settings.loading import refuse_other_model, save_settings
from lp_recognition.settings.training import TrainedConfig
from lp_recognition.system.errors import ConfigError
from lp_recognition.training.distillation import DistilledModel
from lp_recognition.training.optimizers import build_optimizer
from lp_recognition.training.run import Run
from lp_recognition.training.task import ConfigOf, Evaluation, Task, TaskMaker


@dataclass(frozen=True)
class TrainingResult:
    """How a training ended.

    Attributes:
        step: Steps done.
        finished: False where it was interrupted.
        evaluation: The last one, or None without any.
        samples_per_second: Over the steps of this run.
    """

    step: int
    finished: bool
    evaluation: Evaluation | None
    samples_per_second: float


def train(config: ConfigOf, make_task: TaskMaker[ConfigOf], init_checkpoint: str = "") -> TrainingResult:
    """Trains a model, or goes on with the training that `model_dir` holds.

    Args:
        config: What to train.
        make_task: Makes the task of its settings.
        init_checkpoint: Start from its weights, not at random (not used when a training goes on). Where it is given,
            quantization starts at the first step.

    Raises:
        UserError: anything in the config, the data or the folder that would spoil the run; before the first step.
    """
    init_checkpoint = init_checkpoint or config.train.checkpoint
    resumed = _latest_checkpoint(config)
    task = make_task(_with_delay(config, resumed, init_checkpoint), resumed)
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
        if resumed is None:  # an earlier training whose checkpoints are gone has no say in what is best
            checkpoints.record_evaluation(settled.model_dir, 0, None)

    run = Run(task, step)
    try:
        if resumed is not None:  # it may have been killed between saving, evaluating and tidying up
            if step > checkpoints.last_evaluated(settled.model_dir):
                run.evaluate(model)
            checkpoints.delete_old_checkpoints(settled.model_dir, settled.train.checkpoints_to_keep)
        for start, stop in _phases(settled, step):
            if start > run.first_step:  # over the border, in one run
                model = _quantized_copy(task, model, start)
            run.train_phase(model, start, stop)
            if run.interrupted:
                break
    finally:
        run.close()
    return TrainingResult(run.step, run.step == settled.train.steps, run.evaluation, run.samples_per_second)


def _latest_checkpoint(config: ConfigOf) -> Checkpoint[ConfigOf] | None:
    if not config.train.need_to_save_weights:
        return None
    found = checkpoints.list_checkpoints(config.model_dir)
    return checkpoints.load_checkpoint(list(found.values())[-1], type(config)) if found else None


def _with_delay(config: ConfigOf, resumed: Checkpoint[ConfigOf] | None, init_checkpoint: str) -> ConfigOf:
    """The settings with the step at which quantization starts, and where the weights came from."""
    train = config.train
    if resumed is not None:
        refuse_other_model(config, resumed.config, str(resumed.path))
        delay = resumed.config.train.quantization_delay
    else:
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
    changes = {"quantization_delay": delay, "checkpoint": init_checkpoint}
    return config.with_values(train=train.model_copy(update=changes).model_dump())


def _is_quantized(config: TrainedConfig, step: int) -> bool:
    return config.quantization_aware and step >= config.train.quantization_delay


def _phases(config: TrainedConfig, step: int) -> Iterator[tuple[int, int]]:
    """The float and the quantized part of what is left, as far as there are both."""
    borders = [step, config.train.steps]
    if config.quantization_aware and step < config.train.quantization_delay < config.train.steps:
        borders.insert(1, config.train.quantization_delay)
    return itertools.pairwise(borders)


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

"""The settings that every training has, whatever its task."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from lp_recognition.settings.loading import PathText, Section, Settings

PositiveInt = Annotated[int, Field(gt=0)]
#: A number of steps, or of what comes once in some steps: what float32, in which rates are computed, can tell apart.
Count = Annotated[int, Field(gt=0, le=10**9)]
CountOrNone = Annotated[int, Field(ge=0, le=10**9)]
Fraction = Annotated[float, Field(ge=0, le=1)]


def listed(value: Any) -> Any:
    """One path or name stands for a list of one; for validators."""
    return (value,) if isinstance(value, str) else value


class LoopConfig(Section):
    """What the training loop goes by: optimization and records."""

    # Optimization
    batch_size: Annotated[int, Field(gt=0, le=2**16)] = 64
    precision: Literal["float32", "mixed_bfloat16"] = "float32"
    steps: Count = 20000
    # Bounds far outside of all that learns, and inside of what float32 can hold.
    learning_rate: Annotated[float, Field(ge=1e-12, le=1e3)] = 0.001
    learning_rate_schedule: Literal["cosine", "steps", "constant"] = "cosine"
    learning_rate_warmup_steps: CountOrNone = 500
    learning_rate_decay_steps: Count = 5000
    learning_rate_decay_factor: Annotated[float, Field(ge=1e-12, le=1)] = 0.5
    opt_type: Literal["Adam", "AdamW", "SGD", "RMSprop"] = "AdamW"
    weight_decay: Annotated[float, Field(ge=0, le=1e3)] = 0.0001
    clip_norm: Annotated[float, Field(ge=1e-12, le=1e12)] | None = 5.0
    grad_noise_scale: Annotated[float, Field(ge=0, le=1e3)] = 0.0
    teacher: PathText = ""
    teacher_share: Fraction = 0.5
    quantization_delay: CountOrNone = 15000
    random_seed: Annotated[int, Field(ge=0, lt=2**31)] = 666
    workers: Annotated[int, Field(ge=0, le=64)] = 1
    # Records
    checkpoint: PathText = ""
    save_checkpoints_steps: Count = 1000
    checkpoints_to_keep: Count = 3
    display_iter: Count = 50
    early_stopping: CountOrNone = 0
    need_to_save_weights: bool = True
    need_to_save_log: bool = True


class ListedConfig(Section):
    """What a script that goes over lists is told: which ones, with which checkpoint, and where its results go."""

    file_list_path: tuple[PathText, ...] = ()
    skip_bad_rows: bool = False
    batch_size: PositiveInt = 64
    checkpoint: PathText = ""
    output_dir: PathText = ""

    _lists = field_validator("file_list_path", mode="before")(listed)


class TrainedConfig(Settings):
    """What the settings of every task that is trained hold."""

    model_dir: PathText = "model"
    # Quantization
    quantization_aware: bool = False
    quantize_per_channel: bool = False

    train: LoopConfig = LoopConfig()

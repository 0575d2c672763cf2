"""The settings that every training has, whatever its task."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator

from lp_recognition.images.image import Preprocessing
from lp_recognition.settings.loading import PathText, Section, Settings

PositiveInt = Annotated[int, Field(gt=0)]
#: Processes that work at a time: each has models of its own, and a slip of the keyboard is not to fill the memory.
Workers = Annotated[int, Field(ge=1, le=256)]
#: A hundred years: what ended longer ago has no date.
Days = Annotated[int, Field(ge=1, le=36500)]
#: A number of steps, or of what comes once in some steps: what float32, in which rates are computed, can tell apart.
Count = Annotated[int, Field(gt=0, le=10**9)]
CountOrNone = Annotated[int, Field(ge=0, le=10**9)]
Fraction = Annotated[float, Field(ge=0, le=1)]
#: Height, width and channels.
InputShape = tuple[PositiveInt, PositiveInt, PositiveInt]


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


class PlatesConfig(LoopConfig):
    """What a training on plates is told beside: listed and drawn ones, and how many of each."""

    file_list_path: tuple[PathText, ...] = ()
    skip_bad_rows: bool = False
    generated_share: Fraction = 0.0
    plate_formats: tuple[str, ...] | dict[str, float] = ()

    _plates = field_validator("file_list_path", "plate_formats", mode="before")(listed)


class ListedConfig(Section):
    """What a script that goes over lists is told: which ones, with which checkpoint, and where its results go."""

    file_list_path: tuple[PathText, ...] = ()
    skip_bad_rows: bool = False
    batch_size: PositiveInt = 64
    checkpoint: PathText = ""
    output_dir: PathText = ""

    _lists = field_validator("file_list_path", mode="before")(listed)


class TrainedConfig(Settings):
    """What the settings of every task that is trained hold.

    Attributes:
        SMALLEST_INPUT: Height and width that a network needs at least.
    """

    MODEL_SETTINGS: ClassVar[tuple[str, ...]] = ("input_shape", "symmetric_range", "convert_to_gray")
    SMALLEST_INPUT: ClassVar[tuple[int, int]] = (1, 1)

    model_dir: PathText = "model"
    # Quantization
    quantization_aware: bool = False
    quantize_per_channel: bool = False

    train: LoopConfig = LoopConfig()

    task: str
    # What the network sees
    input_shape: InputShape
    symmetric_range: bool = True
    convert_to_gray: bool = False

    @field_validator("input_shape")
    @classmethod
    def _legal_shape(cls, shape: InputShape) -> InputShape:
        (height, width, channels), (least_height, least_width) = shape, cls.SMALLEST_INPUT
        if channels not in (1, 3):
            raise ValueError(f"expected 1 or 3 channels, received {channels}")
        if height < least_height or width < least_width:
            raise ValueError(f"expected at least {least_height} x {least_width} pixels, received {height} x {width}")
        return shape

    @property
    def preprocessing(self) -> Preprocessing:
        """How a picture becomes the network's input."""
        return Preprocessing(self.input_shape, self.symmetric_range, self.convert_to_gray)

"""The settings of finding plates; `config/lpd/default.py` explains each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from lp_recognition.boxes.cells import Grids
from lp_recognition.images.image import Preprocessing
from lp_recognition.settings.loading import PathText, Section, load_settings, parse_settings
from lp_recognition.settings.training import Fraction, ListedConfig, LoopConfig, PositiveInt, TrainedConfig, listed


class TrainConfig(LoopConfig):
    """Settings of `train_lpd.py`."""

    # Data
    file_list_path: tuple[PathText, ...] = ()
    skip_bad_rows: bool = False
    generated_share: Fraction = 0.0
    plate_formats: tuple[str, ...] | dict[str, float] = ("cn_blue", "cz", "eu", "us", "vn")
    join_share: Fraction = 0.2
    apply_geometric_aug: bool = True
    apply_photometric_aug: bool = True
    # Loss
    corner_weight: Annotated[float, Field(ge=0)] = 1.0
    box_weight: Annotated[float, Field(ge=0)] = 1.0

    _lists = field_validator("file_list_path", "plate_formats", mode="before")(listed)


class EvalConfig(ListedConfig):
    """Settings of `eval_lpd.py`, and of the evaluation beside a training."""

    batch_size: PositiveInt = 32
    generated_scenes: PositiveInt = 300
    score_threshold: Fraction = 0.4
    iou_threshold: Fraction = 0.4


class InferConfig(Section):
    """What a detector that finds plates goes by."""

    score_threshold: Fraction = 0.4
    iou_threshold: Fraction = 0.4


class DetectionConfig(TrainedConfig):
    """All settings of a run."""

    MODEL_SETTINGS: ClassVar[tuple[str, ...]] = (
        "input_shape", "symmetric_range", "convert_to_gray", "stem_filters", "stages", "kernel_size", "head_filters",
        "width_multiplier", "quantize_per_channel",
    )  # fmt: skip

    task: Literal["detection"] = "detection"
    # What the network sees
    input_shape: tuple[PositiveInt, PositiveInt, PositiveInt] = (240, 320, 1)
    symmetric_range: bool = True
    convert_to_gray: bool = True
    # The network
    width_multiplier: Annotated[float, Field(gt=0, le=4)] = 1.0
    stem_filters: PositiveInt = 8
    stages: tuple[tuple[PositiveInt, PositiveInt], ...] = ((20, 1), (56, 5), (112, 5), (160, 3))
    kernel_size: Literal[3, 5] = 5
    head_filters: PositiveInt = 64

    train: TrainConfig = TrainConfig()
    eval: EvalConfig = EvalConfig()
    infer: InferConfig = InferConfig()

    @field_validator("input_shape")
    @classmethod
    def _legal_shape(cls, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        if shape[2] not in (1, 3):
            raise ValueError(f"expected 1 or 3 channels, received {shape[2]}")
        if min(shape[:2]) < 48:
            raise ValueError(f"expected at least 48 x 48 pixels, received {shape[0]} x {shape[1]}")
        return shape

    @field_validator("stages")
    @classmethod
    def _legal_stages(cls, stages: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
        if not 2 <= len(stages) <= 5:
            raise ValueError(f"expected 2 to 5 stages of (filters, units), received {len(stages)}")
        return stages

    @property
    def preprocessing(self) -> Preprocessing:
        """How a picture becomes this network's input."""
        return Preprocessing(self.input_shape, self.symmetric_range, self.convert_to_gray)

    @property
    def grids(self) -> Grids:
        """The cells of the output: a grid for each stage but the first, whose stride is 4."""
        height, width, _ = self.input_shape
        return Grids((height, width), tuple(8 << number for number in range(len(self.stages) - 1)))


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> DetectionConfig:
    """Loads a config of finding plates; see `loading.load_settings`."""
    return load_settings(DetectionConfig, path, overrides)


def parse_config(text: str, name: str) -> DetectionConfig:
    """Reads a recorded config of finding plates; see `loading.parse_settings`."""
    return parse_settings(DetectionConfig, text, name)

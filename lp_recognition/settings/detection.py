"""The settings of finding plates; `config/lpd/default.py` explains each."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from lp_recognition.boxes.cells import Grids
from lp_recognition.settings.loading import PathText, load_settings
from lp_recognition.settings.training import (
    Fraction,
    InputShape,
    ListedConfig,
    PlatesConfig,
    PositiveInt,
    TrainedConfig,
)


class TrainConfig(PlatesConfig):
    """Settings of `train_lpd.py`."""

    # Data
    plate_formats: tuple[str, ...] | dict[str, float] = ("cn_blue", "cz", "eu", "us", "vn")
    plate_widths: tuple[Fraction, Fraction] = (0.025, 0.6)
    empty_share: Fraction = 0.1
    replate_share: Fraction = 0.0
    join_share: Fraction = 0.2
    guessed_corner_weight: Fraction = 0.0
    apply_geometric_aug: bool = True
    apply_photometric_aug: bool = True
    # Loss
    corner_weight: Annotated[float, Field(ge=0)] = 1.0
    box_weight: Annotated[float, Field(ge=0)] = 1.0


class EvalConfig(ListedConfig):
    """Settings of `eval_lpd.py`, and of the evaluation beside a training."""

    batch_size: PositiveInt = 32
    generated_scenes: PositiveInt = 300
    score_threshold: Fraction = 0.5
    iou_threshold: Fraction = 0.4


class InferConfig(ListedConfig):
    """Settings of `test_lpd.py`. By its thresholds goes whatever finds plates; a file's description holds them."""

    batch_size: PositiveInt = 8
    output_dir: PathText = "out"
    score_threshold: Fraction = 0.5
    iou_threshold: Fraction = 0.4


class DetectionConfig(TrainedConfig):
    """All settings of a run."""

    MODEL_SETTINGS: ClassVar[tuple[str, ...]] = (
        *TrainedConfig.MODEL_SETTINGS, "stem_filters", "stages", "kernel_size", "head_filters", "width_multiplier",
        "quantize_per_channel",
    )  # fmt: skip
    SMALLEST_INPUT: ClassVar[tuple[int, int]] = (48, 48)

    task: Literal["detection"] = "detection"
    # What the network sees
    input_shape: InputShape = (240, 320, 1)
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

    @field_validator("stages")
    @classmethod
    def _legal_stages(cls, stages: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
        if not 2 <= len(stages) <= 5:
            raise ValueError(f"expected 2 to 5 stages of (filters, units), received {len(stages)}")
        return stages

    @property
    def grids(self) -> Grids:
        """The cells of the output: a grid for each stage but the first, whose stride is 4."""
        height, width, _ = self.input_shape
        return _grids((height, width), tuple(8 << number for number in range(len(self.stages) - 1)))


#: Grids know where their cells are once they were asked: the same ones are kept.
_grids = lru_cache(maxsize=16)(Grids)


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> DetectionConfig:
    """Loads a config of finding plates; see `loading.load_settings`."""
    return load_settings(DetectionConfig, path, overrides)

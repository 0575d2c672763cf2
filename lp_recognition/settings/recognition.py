"""The settings of reading plates; `config/default.py` explains each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import pydantic
from pydantic import Field, field_validator, model_validator

from lp_recognition.settings.loading import PathText, Section, load_settings
from lp_recognition.settings.patterns import legal_patterns
from lp_recognition.settings.training import (
    Fraction,
    InputShape,
    ListedConfig,
    PlatesConfig,
    PositiveInt,
    TrainedConfig,
    listed,
)
from lp_recognition.system.errors import ConfigError
from lp_recognition.texts.normal_form import normal_form
from lp_recognition.texts.vocabulary import Vocabulary, split_symbols

Stride = tuple[Literal[1, 2], Literal[1, 2]]


class DecodeConfig(Section):
    """How texts are read from logits, by the scripts that measure and read."""

    patterns: bool = False


class TrainConfig(PlatesConfig):
    """Settings of `train_lpr.py`."""

    # Data
    plate_formats: tuple[str, ...] | dict[str, float] = ("cn_blue",)
    plate_font: PathText | None = None
    plate_extra_fonts: tuple[PathText, ...] = ()
    plate_without: tuple[str, ...] = ()
    plate_single_lines: bool = False
    balance_first_character: Fraction = 0.0
    repaint_share: Fraction = 0.0
    apply_basic_aug: bool = True
    apply_stn_aug: bool = True
    apply_blur_aug: bool = True
    # Regularization
    dropout_rate: Annotated[float, Field(ge=0, le=0.99)] = 0.5

    _lists = field_validator("plate_extra_fonts", "plate_without", mode="before")(listed)

    @property
    def draws(self) -> bool:
        """Whether any character of a training batch is drawn."""
        return self.generated_share > 0 or (self.repaint_share > 0 and bool(self.file_list_path))


class EvalConfig(ListedConfig):
    """Settings of `eval_lpr.py`, and of the evaluation beside a training."""

    generated_plates: PositiveInt = 1000
    beam_width: PositiveInt = 1


class InferConfig(ListedConfig):
    """Settings of `test_lpr.py`."""

    beam_width: PositiveInt = 1
    output_dir: PathText = "out"


class RecognitionConfig(TrainedConfig):
    """All settings of a run."""

    MODEL_SETTINGS: ClassVar[tuple[str, ...]] = (
        *TrainedConfig.MODEL_SETTINGS, "alphabet", "use_h_concat", "use_oi_concat", "width_multiplier", "stem_filters",
        "stem_pool_strides", "block_filters", "head_filters", "head_kernel_width", "global_context", "rnn_cells_num",
        "quantize_per_channel",
    )  # fmt: skip
    SMALLEST_INPUT: ClassVar[tuple[int, int]] = (12, 24)
    SETTLED_IN_TRAINING: ClassVar[tuple[str, ...]] = ("alphabet",)

    task: Literal["recognition"] = "recognition"
    # What the network reads
    input_shape: InputShape = (24, 94, 3)
    alphabet: str | tuple[str, ...] | None = None
    use_h_concat: bool = False
    use_oi_concat: bool = False
    max_lp_length: PositiveInt = 10
    lpr_patterns: tuple[str, ...] = ()
    # The network
    width_multiplier: Annotated[float, Field(gt=0, le=4)] = 1.0
    stem_filters: PositiveInt = 64
    stem_pool_strides: Stride = (1, 1)
    block_filters: tuple[tuple[PositiveInt, ...], ...] = ((128,), (256, 256))
    head_filters: PositiveInt = 256
    head_kernel_width: PositiveInt = 13
    global_context: Literal["fully_connected", "convolutional", "none"] = "fully_connected"
    rnn_cells_num: PositiveInt = 128

    decode: DecodeConfig = DecodeConfig()
    train: TrainConfig = TrainConfig()
    eval: EvalConfig = EvalConfig()
    infer: InferConfig = InferConfig()

    @field_validator("alphabet", "lpr_patterns", mode="before")
    @classmethod
    def _alphabet_of_one(cls, value: Any, info: pydantic.ValidationInfo) -> Any:
        if isinstance(value, str):
            return tuple(split_symbols(normal_form(value))) if info.field_name == "alphabet" else (value,)
        return value

    @field_validator("alphabet")
    @classmethod
    def _normal_alphabet(cls, alphabet: str | tuple[str, ...] | None) -> str | tuple[str, ...] | None:
        """The alphabet in the form in which labels are read, unless two of its characters would become one."""
        normal = tuple(map(normal_form, alphabet or ()))
        return normal if normal and all(normal) and len(set(normal)) == len(set(alphabet or ())) else alphabet

    @field_validator("lpr_patterns")
    @classmethod
    def _legal_patterns(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        return legal_patterns(patterns)

    @model_validator(mode="after")
    def _check_together(self) -> RecognitionConfig:
        if self.alphabet is not None:
            try:
                self.vocabulary()
            except ConfigError as error:  # as a ValueError it gets the name of the file
                raise ValueError(str(error)) from None
        if self.decode.patterns and not self.lpr_patterns:
            raise ValueError(
                "decode.patterns: expected regular expressions of legal plates in lpr_patterns, received none; add "
                "lpr_patterns=..."
            )
        return self

    @property
    def time_steps(self) -> int:
        """Length of the network's output: the width that is left after its pools."""
        return pooled_size(self.input_shape, self.stem_pool_strides, len(self.block_filters))[1]

    def vocabulary(self, labels: Sequence[str] = ()) -> Vocabulary:
        """The classes: of the stated alphabet, or of `labels` where none is stated."""
        merging = {"use_h_concat": self.use_h_concat, "use_oi_concat": self.use_oi_concat}
        try:
            if self.alphabet is not None:
                return Vocabulary(tuple(self.alphabet), **merging)
            return Vocabulary.from_labels(labels, **merging)
        except Exception as error:
            raise ConfigError(str(error)) from None


def pooled_size(input_shape: tuple[int, int, int], stem_pool_strides: tuple[int, int], blocks: int) -> tuple[int, int]:
    """The `(height, width)` that the network's pools leave: 3x3 without padding, the stem's, then one of each block."""
    height, width, _ = input_shape
    for strides in (stem_pool_strides, *[(2, 1)] * blocks):
        height, width = ((size - 3) // stride + 1 for size, stride in zip((height, width), strides, strict=True))
    return height, width


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> RecognitionConfig:
    """Loads a config of reading plates; see `loading.load_settings`."""
    return load_settings(RecognitionConfig, path, overrides)

"""Reads plates: an image in, text and confidences out, with a `.tflite` on the light install alone."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lp_recognition.images.arrays import ColorOrder, as_image
from lp_recognition.images.image import Image, opened_image
from lp_recognition.model_files.description import settle_config
from lp_recognition.model_files.interpreter import TensorInfo, image_predictor, open_interpreter
from lp_recognition.model_files.pretrained import find_model
from lp_recognition.model_files.recognition import read_description, scaling_of
from lp_recognition.reading.color_order import (
    DOUBTFUL,
    SURE,
    WARNING,
    WATCHED_PICTURES,
    WITNESS_SHARE,
    has_blue_plates,
    look_red,
)
from lp_recognition.settings.recognition import RecognitionConfig, load_config
from lp_recognition.system.errors import ConfigError, ModelError
from lp_recognition.texts.automaton import Automaton, build_automaton
from lp_recognition.texts.calibration import Calibration
from lp_recognition.texts.decoding import decode
from lp_recognition.texts.pattern_decoding import decode_patterns
from lp_recognition.texts.vocabulary import Vocabulary, split_symbols

#: Images held in memory at once while a long list of them is read.
_CHUNK = 256

#: What may stand in one place of a text: symbols, with their probabilities, the best first; `""` is no symbol at all.
SymbolShares = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Reading:
    """What was read on one image.

    Attributes:
        text: The text, in the written form of the vocabulary.
        confidence: Probability of the whole text, in [0, 1]; calibrated where the model's file says how.
        confidences: Probability of each symbol of the text, in [0, 1], as the network gives it: never calibrated.
        alternatives: What may stand in the place of each symbol, itself among it: the best few. Empty of a reader that
            does not say.
    """

    text: str
    confidence: float
    confidences: tuple[float, ...]
    alternatives: tuple[SymbolShares, ...] = field(default=(), compare=False, repr=False)

    @property
    def symbols(self) -> list[str]:
        """The symbols of the text, as many as confidences."""
        return split_symbols(self.text)


class Recognizer:
    """Reads plates with a `.tflite`.

    Threads may share one: they take turns at the interpreter. A copy, or one that went to another process, opens the
    file anew.

    Args:
        model: A `.tflite`, with float32, uint8 or int8 at its ends; or the name of a shipped model, as `lprnet_mcu_cn`
            (its int8 file) or `lprnet_mcu_cn_uint8`. A file that exists wins over a name.
        config: The settings of the model: as they are, or the `config.yaml` recorded beside it, or a `.py`. Not needed
            where the file describes itself, as those of `export_frozen_graph.py --tflite` do.
        beam_width: 1 reads the best path; more is a prefix beam search.
        patterns: Reads the most probable text that fits one of the settings' `lpr_patterns`; None does as their
            `decode.patterns` says.
        num_threads: Threads of the interpreter.
        delegate: As of `open_interpreter`.
        color: The order of the channels of arrays: "bgr", as OpenCV has them, or "rgb", as nearly everything else.
            Files and images of Pillow know theirs.

    Attributes:
        config: The settings of the model.
        vocabulary: Its classes.
        calibration: What the file says of its confidences; None where they are the plain probabilities.

    Raises:
        ConfigError: the config is broken or states no alphabet, or differs from what the file says of itself; or there
            is neither config nor description; or there are no patterns to read by.
        ModelError: the file is missing or broken, or does not fit the config; or no shipped model has that name.
    """

    def __init__(
        self,
        model: str | Path,
        *,
        config: str | Path | RecognitionConfig | None = None,
        beam_width: int = 1,
        patterns: bool | None = None,
        num_threads: int = 1,
        delegate: str | Path = "",
        color: ColorOrder = "bgr",
    ) -> None:
        if color not in ("bgr", "rgb"):
            raise ValueError(f"expected the color order 'bgr' or 'rgb', received {color!r}")
        model = find_model(model, "recognition")
        self._opened_with = {
            "beam_width": beam_width, "patterns": patterns, "num_threads": num_threads, "delegate": delegate,
            "color": color,
        }  # fmt: skip
        self.color = color
        self._path = model.absolute()
        given = config if config is None or isinstance(config, RecognitionConfig) else load_config(config)
        # Opened first: a file that is cut off is told before what it lacks.
        self._model = open_interpreter(model, num_threads, delegate=delegate)
        description = read_description(model)
        self.config = settle_config(model, description, given)
        if self.config.alphabet is None:
            place = str(config) if isinstance(config, (str, Path)) else "config"
            raise ConfigError(
                f"{place}: alphabet: expected the characters of the model, received none; give the config.yaml that "
                "was recorded beside the model"
            )
        if beam_width < 1:
            raise ValueError(f"expected a beam width of at least 1, received {beam_width}")
        self.beam_width = beam_width
        self.vocabulary = self.config.vocabulary()
        self.calibration = scaling_of(description)
        self._automaton = pattern_automaton(self.config, self.vocabulary, patterns)
        self._preprocessing = self.config.preprocessing
        _check_fit(self._model.source, self._model.inputs[0], self._model.outputs[0], self.config, self.vocabulary)
        self._predict = image_predictor(self._model, self._preprocessing)
        self._watches_colors = self.config.input_shape[2] == 3 and has_blue_plates(self.vocabulary)
        self._watches_colors &= not self.config.convert_to_gray
        self._pictures = self._witnesses = 0

    @property
    def source(self) -> str:
        """The file."""
        return self._model.source

    @property
    def runtime(self) -> str:
        """The module that runs the file, such as `ai_edge_litert.interpreter`."""
        return self._model.runtime

    @property
    def ends(self) -> tuple[TensorInfo, TensorInfo]:
        """Input and output of the file."""
        return self._model.inputs[0], self._model.outputs[0]

    def fits(self, text: str) -> bool:
        """Whether a text is a legal plate by the settings' `lpr_patterns`; any is where they are none."""
        patterns = self.config.lpr_patterns
        return not patterns or any(re.fullmatch(pattern, text) for pattern in patterns)

    def run(self, values: NDArray) -> NDArray:
        """Runs the file on its own input, quantized where it is, and returns its output as it is."""
        return self._model.run(values)

    def read(self, image: Any) -> Reading:
        """Reads one image.

        Args:
            image: A file, as `str` or `Path`; or a uint8 array of any size, gray `(h, w)` or `(h, w, 1)`, or
                `(h, w, 3)` in the order of colours that the recognizer was given; or an image of Pillow.

        Raises:
            ImageError: a file that is missing or no image, or an array that is none.
        """
        return next(self._read([image]))

    def read_many(self, images: Iterable[Any]) -> list[Reading]:
        """Reads images as `read` does, in order."""
        return list(self._read(images))

    def predict(self, images: Image) -> NDArray[np.float32]:
        """Runs the model on prepared images.

        Args:
            images: uint8 of shape `(n, height, width, channels)`, as `Preprocessing.prepare` gives them.

        Returns:
            Logits of shape `(n, time, classes)`, float32, in real values also where the file is quantized.

        Raises:
            ValueError: an array of another shape or type.
        """
        if images.dtype != np.uint8 or images.shape[1:] != self.config.input_shape:
            raise ValueError(
                f"expected uint8 images of shape (n, {', '.join(map(str, self.config.input_shape))}), received "
                f"{images.dtype} of shape {images.shape}"
            )
        return self._predict(images)

    def _read(self, images: Iterable[Any]) -> Iterator[Reading]:
        remaining = iter(images)
        while some := list(islice(remaining, _CHUNK)):
            prepared = np.stack([self._prepared(image) for image in some])
            readings = self._readings(prepared)
            if self._watches_colors:
                arrays = [i for i, image in enumerate(some) if isinstance(image, np.ndarray) and image.ndim == 3]
                if arrays:
                    self._watch_colors(prepared[arrays], [readings[i].confidence for i in arrays])
            yield from readings

    def _prepared(self, image: Any) -> Image:
        if not isinstance(image, (str, Path)):
            return self._preprocessing.prepare(as_image(image, self.color))
        with opened_image(image) as (picture, _):
            prepared = self._preprocessing.prepare(picture)
            del picture  # before another thread's turn
        return prepared

    def _readings(self, prepared: Image) -> list[Reading]:
        return read_logits(self.predict(prepared), self.vocabulary, self.beam_width, self.calibration, self._automaton)

    def _watch_colors(self, prepared: Image, confidences: list[float]) -> None:
        """Warns, once, where red and blue of the first pictures seem exchanged."""
        looked_at = WATCHED_PICTURES - self._pictures
        prepared, doubtful = prepared[:looked_at], np.array(confidences[:looked_at]) < DOUBTFUL
        self._pictures += len(prepared)
        self._watches_colors = self._pictures < WATCHED_PICTURES
        suspects = prepared[doubtful & look_red(prepared)]
        if len(suspects):
            exchanged = self._readings(np.ascontiguousarray(suspects[..., ::-1]))
            self._witnesses += sum(reading.confidence > SURE for reading in exchanged)
        if self._witnesses and self._witnesses >= WITNESS_SHARE * self._pictures:
            self._watches_colors = False
            warnings.warn(WARNING, stacklevel=4)

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopen, (self._path, self.config, self._opened_with)


def _reopen(path: Path, config: RecognitionConfig, options: dict[str, Any]) -> Recognizer:
    return Recognizer(path, config=config, **options)


def read_logits(
    logits: NDArray[np.floating],
    vocabulary: Vocabulary,
    beam_width: int = 1,
    calibration: Calibration | None = None,
    automaton: Automaton | None = None,
) -> list[Reading]:
    """Turns the logits of any model, `(n, time, classes)` and not softmaxed, into readings: texts of the automaton."""
    if automaton is None:
        found = decode(logits, vocabulary.blank_index, beam_width)
    else:
        found = decode_patterns(logits, vocabulary.blank_index, automaton, beam_width)
    totals = [decoded.confidence for decoded in found]
    if calibration is not None:
        totals = calibration.apply(totals).tolist()
    written = (*vocabulary.classes, "")  # the blank is the last
    return [
        Reading(
            vocabulary.decode(decoded.indices),
            total,
            decoded.confidences,
            tuple(tuple((written[index], share) for index, share in shares) for shares in decoded.alternatives),
        )
        for decoded, total in zip(found, totals, strict=True)
    ]


def pattern_automaton(
    config: RecognitionConfig, vocabulary: Vocabulary, patterns: bool | None = None
) -> Automaton | None:
    """The automaton to read by, or None; `patterns` as for `Recognizer`."""
    asked = config.decode.patterns if patterns is None else patterns
    return build_automaton(config.lpr_patterns, vocabulary) if asked else None


def _check_fit(
    source: str, taken: TensorInfo, given: TensorInfo, config: RecognitionConfig, vocabulary: Vocabulary
) -> None:
    """Refuses a model that is not the one the config describes."""
    if taken.dtype not in (np.float32, np.uint8, np.int8):
        raise ModelError(f"{source}: expected an input of float32, uint8 or int8, received {taken.dtype}")
    if taken.dtype != np.float32 and not taken.is_quantized:
        raise ModelError(f"{source}: expected a quantized {taken.dtype} input, received one without scale")
    if len(taken.shape) != 4 or taken.shape[1:] != config.input_shape:
        raise ModelError(
            f"{source}: input_shape: expected {config.input_shape} as the config says, received an input of shape "
            f"{taken.shape}"
        )
    if len(given.shape) != 3 or given.shape[0] != taken.shape[0]:
        raise ModelError(f"{source}: expected logits of shape (batch, time, classes), received {given.shape}")
    if given.shape[2] != vocabulary.num_classes:
        raise ModelError(
            f"{source}: alphabet: expected {vocabulary.num_classes} classes ({len(vocabulary.classes)} characters of "
            f"the config and the blank), received logits of shape {given.shape}; give the config.yaml that was "
            "recorded beside the model"
        )

"""Reads plates: an image in, text and confidences out, with a `.tflite` on the light install alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lp_recognition.images.image import Image, read_image
from lp_recognition.model_files.description import settle_config
from lp_recognition.model_files.interpreter import TensorInfo, image_predictor, open_interpreter
from lp_recognition.model_files.pretrained import find_model
from lp_recognition.model_files.recognition import read_description, scaling_of
from lp_recognition.settings.recognition import RecognitionConfig, load_config
from lp_recognition.system.errors import ConfigError, ImageError, ModelError
from lp_recognition.texts.automaton import Automaton, build_automaton
from lp_recognition.texts.calibration import Calibration
from lp_recognition.texts.decoding import decode
from lp_recognition.texts.pattern_decoding import decode_patterns
from lp_recognition.texts.vocabulary import Vocabulary, split_symbols

#: Images held in memory at once while a long list of them is read.
_CHUNK = 256


@dataclass(frozen=True)
class Reading:
    """What was read on one image.

    Attributes:
        text: The text, in the written form of the vocabulary.
        confidence: Probability of the whole text, in [0, 1]; calibrated where the model's file says how.
        confidences: Probability of each symbol of the text, in [0, 1], as the network gives it: never calibrated.
    """

    text: str
    confidence: float
    confidences: tuple[float, ...]

    @property
    def symbols(self) -> list[str]:
        """The symbols of the text, as many as confidences."""
        return split_symbols(self.text)


class Recognizer:
    """Reads plates with a `.tflite`; not for several threads at once.

    Args:
        model: A `.tflite`, with float32, uint8 or int8 at its ends; or the name of a shipped model, as `lprnet_mcu_cn`
            (its int8 file) or `lprnet_mcu_cn_uint8`. A file that exists wins over a name.
        config: The settings of the model: as they are, or the `config.yaml` recorded beside it, or a `.py`. Not needed
            where the file describes itself, as those of `export_frozen_graph.py --tflite` do.
        beam_width: 1 reads the best path; more is a prefix beam search.
        patterns: Reads the most probable text that fits one of the settings' `lpr_patterns`; None does as their
            `decode.patterns` says.
        num_threads: Threads of the interpreter.

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
    ) -> None:
        model = find_model(model)
        given = config if config is None or isinstance(config, RecognitionConfig) else load_config(config)
        self._model = open_interpreter(model, num_threads)  # a file that is cut off is told before what it lacks
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

    @property
    def runtime(self) -> str:
        """The module that runs the file, such as `ai_edge_litert.interpreter`."""
        return self._model.runtime

    @property
    def ends(self) -> tuple[TensorInfo, TensorInfo]:
        """Input and output of the file."""
        return self._model.inputs[0], self._model.outputs[0]

    def run(self, values: NDArray) -> NDArray:
        """Runs the file on its own input, quantized where it is, and returns its output as it is."""
        return self._model.run(values)

    def read(self, image: Image | str | Path) -> Reading:
        """Reads one image: uint8 gray `(h, w)`, `(h, w, 1)` or BGR `(h, w, 3)` of any size, or a file.

        Raises:
            ImageError: a file that is missing or no image, or an array that is none.
        """
        return next(self._read([image]))

    def read_many(self, images: Iterable[Image | str | Path]) -> list[Reading]:
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

    def _read(self, images: Iterable[Image | str | Path]) -> Iterator[Reading]:
        remaining = iter(images)
        while some := list(islice(remaining, _CHUNK)):
            prepared = np.stack([self._preprocessing.prepare(_checked(image)) for image in some])
            yield from read_logits(
                self.predict(prepared), self.vocabulary, self.beam_width, self.calibration, self._automaton
            )


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
    return [
        Reading(vocabulary.decode(decoded.indices), total, decoded.confidences)
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


def _checked(image: Image | str | Path) -> Image:
    if isinstance(image, (str, Path)):
        return read_image(image)
    is_image = isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.size > 0
    if not is_image or not (image.ndim == 2 or (image.ndim == 3 and image.shape[2] in (1, 3))):
        received = f"{image.dtype} of shape {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise ImageError(
            f"expected a file, or a uint8 image of shape (height, width), (height, width, 1) or (height, width, 3), "
            f"received {received}"
        )
    return image

"""A list of plates through any model, a checkpoint, a frozen graph or a `.tflite`, and what came out."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lp_recognition.annotations import Annotation
from lp_recognition.automaton import Automaton
from lp_recognition.calibration import Calibration, expected_calibration_error
from lp_recognition.config import Config, refuse_other_model
from lp_recognition.dataset import drawn_plates, load_rows, prepared_images
from lp_recognition.description import settle_config
from lp_recognition.errors import ConfigError, ModelError
from lp_recognition.files import write_text
from lp_recognition.image import Image
from lp_recognition.metrics import Judgement, Metrics, format_csv, judge_readings, summarize_judgements
from lp_recognition.native_log import import_quietly
from lp_recognition.pretrained import find_model
from lp_recognition.recognizer import Reading, Recognizer, pattern_automaton, read_logits
from lp_recognition.visualize import contact_sheet, draw_reading
from lp_recognition.vocabulary import Vocabulary

#: Turns prepared images, uint8 `(n, height, width, channels)`, into logits, float32 `(n, time, classes)`.
Predictor = Callable[[Image], NDArray[np.float32]]

_SHEET_COLUMNS = 4


@dataclass(frozen=True)
class OpenedModel:
    """A model of any kind, ready to read.

    Attributes:
        predict: Prepared images to logits.
        config: The settings it reads by, with its alphabet.
        vocabulary: Its classes.
        source: The file, for messages.
        calibration: What the file says of its confidences; None where they are the plain probabilities.
    """

    predict: Predictor
    config: Config
    vocabulary: Vocabulary
    source: str
    calibration: Calibration | None = None

    def read(self, images: Image, beam_width: int = 1, patterns: bool | None = None) -> list[Reading]:
        """Reads prepared images, uint8 `(n, height, width, channels)`; `patterns` as for `Recognizer`.

        Raises:
            ConfigError: it shall read by patterns, and there are none or they cannot be read by.
        """
        automaton = self.automaton if patterns is None else pattern_automaton(self.config, self.vocabulary, patterns)
        return read_logits(self.predict(images), self.vocabulary, beam_width, self.calibration, automaton)

    @cached_property
    def automaton(self) -> Automaton | None:
        """What `decode.patterns` asks to read by; None where it does not."""
        return pattern_automaton(self.config, self.vocabulary)


def open_model(path: str | Path, config: Config | None = None) -> OpenedModel:
    """Opens a model by what its name ends in: `.ckpt`, `.pb` or `.frozen`, `.tflite`.

    Args:
        path: The file, or the name of a shipped model.
        config: Its settings; None for those that the file carries.

    Raises:
        ModelError, ConfigError: the file is missing or broken, does not fit the config, or is of an unknown kind.
    """
    path = find_model(path)
    suffix = path.suffix
    if suffix == ".ckpt":
        return _open_checkpoint(path, config)
    if suffix == ".tflite":
        recognizer = Recognizer(path, config=config)
        return OpenedModel(
            recognizer.predict, recognizer.config, recognizer.vocabulary, str(path), recognizer.calibration
        )
    if suffix in (".pb", ".frozen"):
        return _open_graph(path, config)
    raise ModelError(f"{path}: expected a model ending in .ckpt, .pb, .frozen or .tflite, received '{suffix}'")


def predictor(model: Any, config: Config, batch_size: int) -> Predictor:
    """Runs a Keras model, always on whole batches, so that the results do not depend on how many images are left."""

    def predict(images: Image) -> NDArray[np.float32]:
        logits = []
        for first in range(0, len(images), batch_size):
            some = config.preprocessing.normalize(images[first : first + batch_size])
            missing = batch_size - len(some)
            filled = np.concatenate([some, np.zeros((missing, *some.shape[1:]), np.float32)]) if missing else some
            logits.append(np.asarray(model.predict_on_batch(filled))[: len(some)])
        return np.concatenate(logits)

    return predict


@dataclass(frozen=True)
class EvaluationList:
    """Plates to evaluate on, prepared for the network.

    Attributes:
        images: uint8 `(n, height, width, channels)`.
        labels: What is right.
        names: The image files, or numbers of drawn plates.
        skipped: What was wrong with rows that were left out, as `eval.skip_bad_rows` asks.
    """

    images: Image
    labels: list[str]
    names: list[str]
    skipped: list[str]

    @classmethod
    def from_config(cls, config: Config, vocabulary: Vocabulary | None = None) -> EvaluationList | None:
        """The lists of `eval.file_list_path`; held-out drawn plates where a training draws plates; else None."""
        if config.eval.file_list_path:
            data = load_rows(config.eval.file_list_path, skip_bad_rows=config.eval.skip_bad_rows)
            return cls.from_rows(data.rows, config, data.skipped)
        if config.train.generated_share > 0:
            images, labels = drawn_plates(config, config.eval.generated_plates)
            return cls(images, labels, [f"drawn plate {number}" for number in range(len(labels))], [])
        return None

    @classmethod
    def from_rows(cls, rows: Sequence[Annotation], config: Config, skipped: list[str]) -> EvaluationList:
        """Reads and prepares the images of annotated rows."""
        images = np.concatenate(list(prepared_images(rows, config.preprocessing, 256)))
        return cls(images, [row.label for row in rows], [str(row.path) for row in rows], skipped)

    def unreadable(self, vocabulary: Vocabulary) -> list[str]:
        """Labels with a character that the model has no class for: each counts as wrong, none is left out."""
        return [label for label in self.labels if not vocabulary.knows(label)]


@dataclass(frozen=True)
class PatternResult:
    """What a model read on a list by `lpr_patterns`: one reading and judgement for each plate, and the figures."""

    readings: list[Reading]
    judgements: list[Judgement]
    metrics: Metrics

    def rows(self) -> list[tuple[str, float, bool]]:
        """Text, confidence and whether it is right, for each plate."""
        pairs = zip(self.readings, self.judgements, strict=True)
        return [(reading.text, reading.confidence, judgement.right) for reading, judgement in pairs]


@dataclass(frozen=True)
class EvaluationResult:
    """What a model read on a list.

    Attributes:
        plates: The list.
        readings: One for each plate.
        judgements: One for each plate.
        metrics: The figures.
        plates_per_second: Of the model and the decoding; reading and preparing images left out.
        vocabulary: The classes of the model.
        is_calibrated: Whether the confidences are calibrated, or the plain probabilities.
        by_patterns: What it read by `lpr_patterns`; None where that was not asked for.
    """

    plates: EvaluationList
    readings: list[Reading]
    judgements: list[Judgement]
    metrics: Metrics
    plates_per_second: float
    vocabulary: Vocabulary
    is_calibrated: bool = False
    by_patterns: PatternResult | None = None

    @property
    def ece(self) -> float:
        """The expected calibration error of the confidences, in [0, 1]."""
        confidences = [reading.confidence for reading in self.readings]
        return expected_calibration_error(confidences, [judgement.right for judgement in self.judgements])

    def to_table(self) -> str:
        """All figures for a person, as Markdown tables."""
        return self.metrics.to_table(by_patterns=None if self.by_patterns is None else self.by_patterns.metrics)

    def misread_sheet(self, most: int) -> Image | None:
        """Pictures of the first `most` plates that were misread, or None where there is none."""
        wrong = [number for number, judgement in enumerate(self.judgements) if not judgement.right][:most]
        if not wrong:
            return None
        pictures = []
        for number in wrong:
            reading, label = self.readings[number], self.vocabulary.merge(self.plates.labels[number])
            pictures.append(
                draw_reading(self.plates.images[number], reading.text, reading.confidence, reading.confidences, label)
            )
        return contact_sheet(pictures, _SHEET_COLUMNS)

    def save(self, folder: str | Path, source: str) -> None:
        """Writes `eval.json` (the figures) and `eval.csv` (a row per plate) into a folder."""
        record = {"model": source, "plates_per_second": self.plates_per_second, **self.metrics.to_dict()}
        record |= {"ece": self.ece, "is_calibrated": self.is_calibrated}
        if self.by_patterns is not None:
            record["by_patterns"] = self.by_patterns.metrics.to_dict()
        write_text(Path(folder) / "eval.json", json.dumps(record, ensure_ascii=False, indent=1) + "\n")
        table = format_csv(
            self.plates.names,
            self.plates.labels,
            [reading.text for reading in self.readings],
            [reading.confidence for reading in self.readings],
            self.judgements,
            None if self.by_patterns is None else self.by_patterns.rows(),
        )
        write_text(Path(folder) / "eval.csv", table)


def evaluate(
    predict: Predictor,
    plates: EvaluationList,
    config: Config,
    vocabulary: Vocabulary,
    progress: Any = None,
    calibration: Calibration | None = None,
    automaton: Automaton | None = None,
) -> EvaluationResult:
    """Reads a list with a model and judges every reading.

    Args:
        predict: The model.
        plates: The list.
        config: Its `lpr_patterns` and `eval` section.
        vocabulary: The classes of the model.
        progress: Called with the number of plates after each batch.
        calibration: That of the confidences; None leaves them the plain probabilities.
        automaton: Reads a second time by these patterns, for `by_patterns`.

    Raises:
        ConfigError: no text of the automaton fits into the time steps.
    """
    readings: list[Reading] = []
    fitting: list[Reading] = []
    seconds = 0.0
    for first in range(0, len(plates.images), config.eval.batch_size):
        began = time.perf_counter()
        logits = predict(plates.images[first : first + config.eval.batch_size])
        readings += read_logits(logits, vocabulary, config.eval.beam_width, calibration)
        seconds += time.perf_counter() - began
        if automaton is not None:
            fitting += read_logits(logits, vocabulary, config.eval.beam_width, calibration, automaton)
        if progress is not None:
            progress(len(logits))
    texts = [reading.text for reading in readings]
    judgements = judge_readings(texts, plates.labels, vocabulary, config.lpr_patterns)
    metrics = summarize_judgements(plates.labels, judgements)
    speed = len(readings) / max(seconds, 1e-9)
    by_patterns = None
    if automaton is not None:
        judged = judge_readings([reading.text for reading in fitting], plates.labels, vocabulary)  # all of them fit
        by_patterns = PatternResult(fitting, judged, summarize_judgements(plates.labels, judged))
    return EvaluationResult(
        plates, readings, judgements, metrics, speed, vocabulary, calibration is not None, by_patterns
    )


def read_with_model(model: Any, plates: EvaluationList, config: Config, vocabulary: Vocabulary) -> EvaluationResult:
    """Evaluates a Keras model in training."""
    return evaluate(predictor(model, config, config.eval.batch_size), plates, config, vocabulary)


def _open_checkpoint(path: str | Path, config: Config | None) -> OpenedModel:
    import_quietly("keras")
    from lp_recognition.checkpoints import load_checkpoint
    from lp_recognition.export.integers import compute_in_integers, round_biases
    from lp_recognition.model import restored_lprnet

    checkpoint = load_checkpoint(path)
    resolved = checkpoint.config
    if config is not None:
        refuse_other_model(config, checkpoint.config, str(path))
        resolved = config.with_values(alphabet=checkpoint.config.alphabet)
    model = restored_lprnet(checkpoint)
    if checkpoint.quantized:
        round_biases(model, resolved.preprocessing)
        compute_in_integers(model, resolved.preprocessing)
    predict = predictor(model, resolved, resolved.eval.batch_size)
    return OpenedModel(predict, resolved, checkpoint.vocabulary, str(path))


def _open_graph(path: str | Path, config: Config | None) -> OpenedModel:
    import_quietly("tensorflow")
    from lp_recognition.export.frozen_graph import FrozenGraph

    graph = FrozenGraph(path)
    settings = settle_config(path, graph.description, config)
    if settings.alphabet is None:
        raise ConfigError(
            f"{path}: alphabet: expected the characters of the model, received none; give the config.yaml that stands "
            "beside the graph"
        )
    vocabulary = settings.vocabulary()
    if graph.input_shape != settings.input_shape or graph.output_shape[-1] != vocabulary.num_classes:
        raise ModelError(
            f"{path}: expected input_shape {settings.input_shape} and {vocabulary.num_classes} classes (alphabet, "
            f"use_h_concat, use_oi_concat), received {graph.input_shape} and {graph.output_shape[-1]}"
        )
    return OpenedModel(
        lambda images: graph.predict(settings.preprocessing.normalize(images)),
        settings,
        vocabulary,
        str(path),
        graph.description.scaling if graph.description else None,
    )

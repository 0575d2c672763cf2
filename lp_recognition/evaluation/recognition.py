"""A list of plates through any model, a checkpoint, a frozen graph or a `.tflite`, and what came out."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lp_recognition.evaluation.drawing import draw_reading
from lp_recognition.evaluation.metrics import Judgement, Metrics, judge_readings, summarize_judgements
from lp_recognition.evaluation.opening import Predictor
from lp_recognition.evaluation.provenance import ListRecord, record_lists
from lp_recognition.images.canvas import contact_sheet
from lp_recognition.images.image import Image
from lp_recognition.lists.drawn import drawn_plates
from lp_recognition.lists.rows import load_prepared
from lp_recognition.plates.fonts import FontError
from lp_recognition.reading.recognizer import Reading, read_logits
from lp_recognition.settings.recognition import RecognitionConfig
from lp_recognition.texts.automaton import Automaton
from lp_recognition.texts.calibration import Calibration, expected_calibration_error
from lp_recognition.texts.vocabulary import Vocabulary

_SHEET_COLUMNS = 4


@dataclass(frozen=True)
class EvaluationList:
    """Plates to evaluate on, prepared for the network.

    Attributes:
        images: uint8 `(n, height, width, channels)`.
        labels: What is right.
        names: The image files, or numbers of drawn plates.
        skipped: What was wrong with rows that were left out, as `eval.skip_bad_rows` asks.
        lists: The lists they came from; none of drawn plates.
    """

    images: Image
    labels: list[str]
    names: list[str]
    skipped: list[str]
    lists: tuple[ListRecord, ...] = ()

    @classmethod
    def from_config(cls, config: RecognitionConfig) -> EvaluationList | None:
        """The lists of `eval.file_list_path`; held-out drawn plates where a training draws plates; else None."""
        listed = config.eval
        if listed.file_list_path:
            data, images = load_prepared(
                listed.file_list_path,
                config.preprocessing,
                skip_bad_rows=listed.skip_bad_rows,
                setting="eval.skip_bad_rows",
            )
            lists = record_lists(listed.file_list_path, (row.source for row in data.rows))
            return cls(images, data.labels, [str(row.path) for row in data.rows], data.skipped, lists)
        if config.train.generated_share > 0:
            try:
                images, labels = drawn_plates(config, config.eval.generated_plates)
            except FontError as error:  # the recorded config of a model from another machine names its fonts
                fix = "plates to measure on are drawn with it; name listed ones by eval.file_list_path=LIST"
                raise FontError(f"{error}; {fix}") from None
            return cls(images, labels, [f"drawn plate {number}" for number in range(len(labels))], [])
        return None

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

    @cached_property
    def misread(self) -> list[int]:
        """The numbers of the plates that were misread: the most wrong characters first, then the surest readings."""
        wrong = [number for number, judgement in enumerate(self.judgements) if not judgement.right]
        return sorted(
            wrong, key=lambda number: (-self.judgements[number].edit_distance, -self.readings[number].confidence)
        )

    def misread_sheet(self, most: int) -> Image | None:
        """Pictures of the `most` worst of the plates that were misread, or None where there is none."""
        pictures = []
        for number in self.misread[:most]:
            reading, label = self.readings[number], self.vocabulary.merge(self.plates.labels[number])
            pictures.append(
                draw_reading(self.plates.images[number], reading.text, reading.confidence, reading.confidences, label)
            )
        return contact_sheet(pictures, _SHEET_COLUMNS) if pictures else None


def evaluate(
    predict: Predictor,
    plates: EvaluationList,
    config: RecognitionConfig,
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

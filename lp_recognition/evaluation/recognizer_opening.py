"""Opening a plate reader of any kind: a checkpoint, a frozen graph, a `.tflite`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lp_recognition.evaluation.opening import Graph, Opened, Opener, checkpoint_facts, graph_facts, tflite_facts
from lp_recognition.images.image import Image
from lp_recognition.model_files.checkpoints import load_checkpoint
from lp_recognition.model_files.description import settle_config
from lp_recognition.model_files.recognition import read_description, scaling_of
from lp_recognition.reading.recognizer import Reading, Recognizer, pattern_automaton, read_logits
from lp_recognition.settings.loading import settle_by_record
from lp_recognition.settings.recognition import RecognitionConfig
from lp_recognition.system.errors import ConfigError, ModelError
from lp_recognition.system.native_log import import_quietly
from lp_recognition.texts.automaton import Automaton
from lp_recognition.texts.calibration import Calibration
from lp_recognition.texts.vocabulary import Vocabulary


@dataclass(frozen=True, kw_only=True)
class OpenedRecognizer(Opened[RecognitionConfig]):
    """A plate reader of any kind: prepared crops to logits, float32 `(n, time, classes)`.

    Attributes:
        vocabulary: Its classes.
        calibration: What the file says of its confidences; None where they are the plain probabilities.
    """

    vocabulary: Vocabulary
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


def _open_checkpoint(path: Path, config: RecognitionConfig | None) -> OpenedRecognizer:
    import_quietly("lp_recognition.networks")
    from lp_recognition.networks.recognition import restored_lprnet

    checkpoint = load_checkpoint(path, RecognitionConfig)
    settled = settle_by_record(config, checkpoint.config, str(path))
    facts = checkpoint_facts(checkpoint, restored_lprnet(checkpoint), settled)
    return OpenedRecognizer(**facts, vocabulary=checkpoint.config.vocabulary())


def _open_tflite(path: Path, config: RecognitionConfig | None) -> OpenedRecognizer:
    recognizer = Recognizer(path, config=config)
    facts = tflite_facts(path, recognizer, recognizer.config, read_description(path))
    return OpenedRecognizer(**facts, vocabulary=recognizer.vocabulary, calibration=recognizer.calibration)


def _open_graph(path: Path, config: RecognitionConfig | None, graph: Graph) -> OpenedRecognizer:
    settled = settle_config(path, graph.description, config)
    if settled.alphabet is None:
        raise ConfigError(
            f"{path}: alphabet: expected the characters of the model, received none; give the config.yaml that stands "
            "beside the graph"
        )
    vocabulary = settled.vocabulary()
    if graph.input_shape != settled.input_shape or graph.output_shape[-1] != vocabulary.num_classes:
        raise ModelError(
            f"{path}: expected input_shape {settled.input_shape} and {vocabulary.num_classes} classes (alphabet, "
            f"use_h_concat, use_oi_concat), received {graph.input_shape} and {graph.output_shape[-1]}"
        )
    return OpenedRecognizer(
        **graph_facts(path, graph, settled), vocabulary=vocabulary, calibration=scaling_of(graph.description)
    )


#: Opens a plate reader.
open_model: Opener[RecognitionConfig, OpenedRecognizer] = Opener(
    "model", "recognition", checkpoint=_open_checkpoint, tflite=_open_tflite, graph=_open_graph
)

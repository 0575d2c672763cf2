"""Opening a model of any kind: a checkpoint, a frozen graph, a `.tflite`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from lp_recognition.images.image import Image, Preprocessing
from lp_recognition.model_files.description import ModelDescription, settle_config
from lp_recognition.model_files.pretrained import find_model
from lp_recognition.model_files.recognition import read_description, scaling_of
from lp_recognition.reading.recognizer import Reading, Recognizer, pattern_automaton, read_logits
from lp_recognition.settings.loading import refuse_other_model
from lp_recognition.settings.recognition import RecognitionConfig
from lp_recognition.system.errors import ConfigError, ModelError
from lp_recognition.system.native_log import import_quietly
from lp_recognition.texts.automaton import Automaton
from lp_recognition.texts.calibration import Calibration
from lp_recognition.texts.vocabulary import Vocabulary

#: Turns prepared images, uint8 `(n, height, width, channels)`, into logits, float32 `(n, time, classes)`.
Predictor = Callable[[Image], NDArray[np.float32]]


@dataclass(frozen=True)
class OpenedModel:
    """A model of any kind, ready to read.

    Attributes:
        predict: Prepared images to logits.
        config: The settings it reads by, with its alphabet.
        vocabulary: Its classes.
        source: The file, for messages.
        calibration: What the file says of its confidences; None where they are the plain probabilities.
        step: Training steps of the weights; None where the file does not say.
        runtime: The packages that run it.
        arithmetic: What it computes in, for a person.
    """

    predict: Predictor
    config: RecognitionConfig
    vocabulary: Vocabulary
    source: str
    calibration: Calibration | None = None
    step: int | None = None
    runtime: tuple[str, ...] = ()
    arithmetic: str = ""

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


class Graph(Protocol):
    """What runs a frozen graph: `export.frozen_graph.FrozenGraph`."""

    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    description: ModelDescription | None

    def predict(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits of normalized images."""


#: Reads the file of a frozen graph. TensorFlow alone can, so whoever opens one brings the reader.
GraphReader = Callable[[Path], Graph]

Opened = TypeVar("Opened")


def open_model(
    path: str | Path, config: RecognitionConfig | None = None, read_graph: GraphReader | None = None
) -> OpenedModel:
    """Opens a model by what its name ends in: `.ckpt`, `.pb` or `.frozen`, `.tflite`.

    Args:
        path: The file, or the name of a shipped model.
        config: Its settings; None for those that the file carries.
        read_graph: Reads frozen graphs; None knows none of them.

    Raises:
        ModelError, ConfigError: the file is missing or broken, does not fit the config, or is of an unknown kind.
    """
    return open_by_suffix(
        path, "model", read_graph,
        checkpoint=lambda path: _open_checkpoint(path, config),
        tflite=lambda path: _open_tflite(path, config),
        graph=lambda path, graph: _open_graph(path, config, graph),
    )  # fmt: skip


def open_by_suffix(
    path: str | Path,
    noun: str,
    read_graph: GraphReader | None,
    *,
    checkpoint: Callable[[Path], Opened],
    tflite: Callable[[Path], Opened],
    graph: Callable[[Path, Graph], Opened],
) -> Opened:
    """Opens a file as what its name ends in.

    Args:
        path: The file, or the name of a shipped model.
        noun: What is looked for, for messages.
        read_graph: Reads frozen graphs; None knows none of them.
        checkpoint, tflite, graph: Open each kind.

    Raises:
        ModelError: there is no such file, or it is of an unknown kind.
    """
    path = find_model(path)
    if path.suffix == ".ckpt":
        return checkpoint(path)
    if path.suffix == ".tflite":
        return tflite(path)
    if path.suffix in (".pb", ".frozen") and read_graph is not None:
        return graph(path, read_graph(path))
    raise ModelError(f"{path}: expected a {noun} ending in .ckpt, .pb, .frozen or .tflite, received '{path.suffix}'")


def predictor(model: Any, preprocessing: Preprocessing, batch_size: int) -> Predictor:
    """Runs a Keras model, always on whole batches, so that the results do not depend on how many images are left."""

    def predict(images: Image) -> NDArray[np.float32]:
        logits = []
        for first in range(0, len(images), batch_size):
            some = preprocessing.normalize(images[first : first + batch_size])
            missing = batch_size - len(some)
            filled = np.concatenate([some, np.zeros((missing, *some.shape[1:]), np.float32)]) if missing else some
            logits.append(np.asarray(model.predict_on_batch(filled))[: len(some)])
        return np.concatenate(logits)

    return predict


def _open_tflite(path: Path, config: RecognitionConfig | None) -> OpenedModel:
    recognizer = Recognizer(path, config=config)
    description = read_description(path)
    return OpenedModel(
        recognizer.predict,
        recognizer.config,
        recognizer.vocabulary,
        str(path),
        recognizer.calibration,
        step=None if description is None else description.step,
        runtime=(recognizer.runtime.partition(".")[0],),
        arithmetic=f"{recognizer.ends[0].dtype}, the runtime's default kernels",
    )


def _open_checkpoint(path: str | Path, config: RecognitionConfig | None) -> OpenedModel:
    import_quietly("lp_recognition.networks")
    import keras

    from lp_recognition.model_files.checkpoints import load_checkpoint
    from lp_recognition.networks.integers import compute_in_integers
    from lp_recognition.networks.recognition import restored_lprnet

    checkpoint = load_checkpoint(path, RecognitionConfig)
    resolved = checkpoint.config
    if config is not None:
        refuse_other_model(config, checkpoint.config, str(path))
        resolved = config.with_values(alphabet=checkpoint.config.alphabet)
    model = restored_lprnet(checkpoint)
    if checkpoint.quantized:
        compute_in_integers(model, resolved.preprocessing)
    predict = predictor(model, resolved.preprocessing, resolved.eval.batch_size)
    return OpenedModel(
        predict,
        resolved,
        checkpoint.config.vocabulary(),
        str(path),
        step=checkpoint.step,
        runtime=("keras", keras.backend.backend()),
        arithmetic="integers, as the chip computes" if checkpoint.quantized else "float32",
    )


def _open_graph(path: Path, config: RecognitionConfig | None, graph: Graph) -> OpenedModel:
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
        scaling_of(graph.description),
        step=None if graph.description is None else graph.description.step,
        runtime=("tensorflow",),
        arithmetic="float32, quantization simulated where the graph has it",
    )

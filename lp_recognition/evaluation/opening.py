"""Opening a model of any kind, a checkpoint, a frozen graph, a `.tflite`: what every task does alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from lp_recognition.images.image import Image, Preprocessing
from lp_recognition.model_files.checkpoints import Checkpoint
from lp_recognition.model_files.description import ModelDescription
from lp_recognition.model_files.interpreter import TensorInfo
from lp_recognition.model_files.pretrained import find_model
from lp_recognition.settings.loading import Schema
from lp_recognition.system.errors import ModelError

#: Turns prepared images, uint8 `(n, height, width, channels)`, into a model's output for each, float32.
Predictor = Callable[[Image], NDArray[np.float32]]


@dataclass(frozen=True, kw_only=True)
class Opened(Generic[Schema]):
    """A model of any kind, ready to run.

    Attributes:
        predict: Prepared images to outputs.
        config: The settings it goes by, all of them settled.
        source: The file, for messages.
        made_by: `float`, `quantization-aware training`, `quantization after training`; empty where it is not known.
        step: Training steps of the weights; None where the file does not say.
        runtime: The packages that run it.
        arithmetic: What it computes in, for a person.
    """

    predict: Predictor
    config: Schema
    source: str
    made_by: str = ""
    step: int | None = None
    runtime: tuple[str, ...] = ()
    arithmetic: str = ""


class Graph(Protocol):
    """What runs a frozen graph: `export.frozen_graph.FrozenGraph`."""

    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    description: ModelDescription | None

    def predict(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Outputs for normalized images."""


#: Reads the file of a frozen graph. TensorFlow alone can, so whoever opens one brings the reader.
GraphReader = Callable[[Path], Graph]

OpenedModel = TypeVar("OpenedModel", bound=Opened)


@dataclass(frozen=True)
class Opener(Generic[Schema, OpenedModel]):
    """Opens models of a task by what their names end in: `.ckpt`, `.pb` or `.frozen`, `.tflite`.

    Attributes:
        noun: What is looked for, for messages.
        task: What it is for, as `detection`.
        checkpoint, tflite, graph: Open each kind, by the given settings or else by those that the file carries.
    """

    noun: str
    task: str
    checkpoint: Callable[[Path, Schema | None], OpenedModel]
    tflite: Callable[[Path, Schema | None], OpenedModel]
    graph: Callable[[Path, Schema | None, Graph], OpenedModel]

    def __call__(
        self, path: str | Path, config: Schema | None = None, read_graph: GraphReader | None = None
    ) -> OpenedModel:
        """Opens a model.

        Args:
            path: The file, or the name of a shipped model.
            config: Its settings; None for those that the file carries.
            read_graph: Reads frozen graphs; None knows none of them.

        Raises:
            ModelError, ConfigError: the file is missing or broken, does not fit the config, or is of an unknown kind.
        """
        path = find_model(path, self.task)
        if path.suffix == ".ckpt":
            return self.checkpoint(path, config)
        if path.suffix == ".tflite":
            return self.tflite(path, config)
        if path.suffix in (".pb", ".frozen") and read_graph is not None:
            return self.graph(path, config, read_graph(path))
        raise ModelError(
            f"{path}: expected a {self.noun} ending in .ckpt, .pb, .frozen or .tflite, received '{path.suffix}'"
        )


class FileReader(Protocol):
    """What runs a `.tflite`: `reading.recognizer.Recognizer`, `reading.detector.Detector`."""

    @property
    def ends(self) -> tuple[TensorInfo, TensorInfo]:
        """Input and output of the file."""

    @property
    def runtime(self) -> str:
        """The module that runs the file."""

    def predict(self, images: Image) -> NDArray[np.float32]:
        """Outputs for prepared images."""


def checkpoint_facts(checkpoint: Checkpoint[Any], model: Any, config: Any) -> dict[str, Any]:
    """What `Opened` holds of a checkpoint.

    Args:
        checkpoint: What was loaded.
        model: Its network, restored; where it was trained for 8 bits, it computes in integers from now on.
        config: The settings to go by.
    """
    import keras

    from lp_recognition.networks.integers import compute_in_integers

    if checkpoint.quantized:
        compute_in_integers(model, config.preprocessing)
    return {
        "predict": predictor(model, config.preprocessing, config.eval.batch_size),
        "config": config,
        "source": str(checkpoint.path),
        "made_by": "quantization-aware training" if checkpoint.quantized else "float",
        "step": checkpoint.step,
        "runtime": ("keras", keras.backend.backend()),
        "arithmetic": "integers, as the chip computes" if checkpoint.quantized else "float32",
    }


def tflite_facts(
    path: Path, reader: FileReader, config: Any, description: ModelDescription[Any] | None
) -> dict[str, Any]:
    """What `Opened` holds of a `.tflite`."""
    return {
        "predict": reader.predict,
        "config": config,
        "source": str(path),
        "made_by": "" if description is None else description.made_by,
        "step": None if description is None else description.step,
        "runtime": (reader.runtime.partition(".")[0],),
        "arithmetic": f"{reader.ends[0].dtype}, the runtime's default kernels",
    }


def graph_facts(path: Path, graph: Graph, config: Any) -> dict[str, Any]:
    """What `Opened` holds of a frozen graph."""
    return {
        "predict": lambda images: graph.predict(config.preprocessing.normalize(images)),
        "config": config,
        "source": str(path),
        "made_by": "" if graph.description is None else graph.description.made_by,
        "step": None if graph.description is None else graph.description.step,
        "runtime": ("tensorflow",),
        "arithmetic": "float32, quantization simulated where the graph has it",
    }


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

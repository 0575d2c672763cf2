"""The frozen graph is the checkpoint, and the workflow's command makes a uint8 file that computes what it computes."""

from __future__ import annotations

import numpy as np
import pytest
from tiny_models import convert, tiny_config

from lp_recognition.evaluation.recognition import EvaluationList
from lp_recognition.model_files.checkpoints import load_checkpoint
from lp_recognition.model_files.interpreter import open_interpreter
from lp_recognition.networks.lprnet import Architecture, build_lprnet
from lp_recognition.networks.recognition import restored_lprnet
from lp_recognition.settings.recognition import RecognitionConfig
from lp_recognition.system.errors import ModelError
from lp_recognition.tools.models import open_model

frozen_graph = pytest.importorskip("lp_recognition.export.frozen_graph")

CONTEXTS = ["fully_connected", "convolutional", "none"]


def some_images(config, count: int = 6) -> np.ndarray:
    pixels = np.random.default_rng(0).integers(0, 256, (count, *config.input_shape), np.uint8)
    return config.preprocessing.normalize(pixels)


def step_of(path) -> float:
    return open_interpreter(path).outputs[0].scale


@pytest.mark.parametrize("quantized", [False, True])
@pytest.mark.parametrize("context", CONTEXTS)
def test_a_frozen_model_computes_the_same(context, quantized):
    config = tiny_config(global_context=context)
    model = build_lprnet(Architecture.from_config(config, 7), quantization_aware=quantized)
    images = some_images(config)
    for _ in range(3):
        model(images, training=True)
    expected = np.asarray(model(images, training=False))
    graph = frozen_graph.FrozenGraph.from_graph_def(frozen_graph.freeze(model), "in memory")
    assert graph.input_shape == config.input_shape
    assert graph.output_shape == expected.shape[1:]
    # Where a value is rounded to 8 bits, an error of 1e-7 may tip it to the next step.
    tolerance = np.ptp(expected) / 255 * 1.01 if quantized else 1e-5
    received = graph.predict(images)
    assert np.abs(received - expected).max() <= tolerance
    if quantized:
        assert np.mean(np.abs(received - expected) > 1e-5) < 0.01


@pytest.mark.parametrize("name", ["floating", "checkpoint"])
def test_the_graph_of_a_trained_checkpoint(trained, name, plates):
    checkpoint = load_checkpoint(getattr(trained, name), RecognitionConfig)
    model = restored_lprnet(checkpoint)
    images = checkpoint.config.preprocessing.normalize(plates.images)
    expected = np.asarray(model(images, training=False))
    received = frozen_graph.FrozenGraph.from_graph_def(frozen_graph.freeze(model), name).predict(images)
    np.testing.assert_allclose(received, expected, atol=1e-5 * max(1, np.abs(expected).max()))


@pytest.fixture
def plates(trained, crops) -> EvaluationList:
    return EvaluationList.from_config(trained.config)


def test_nodes_and_shapes(graph, trained):
    graph_def = frozen_graph.load_graph(graph)
    nodes = {node.name: node for node in graph_def.node}
    assert nodes["input"].op == "Placeholder"
    assert [dim.size for dim in nodes["input"].attr["shape"].shape.dim] == [1, 24, 94, 3]
    assert nodes["Squeeze"].op == "Squeeze"
    assert not {"ReadVariableOp", "VarHandleOp", "StatefulPartitionedCall", "PartitionedCall"} & {
        node.op for node in graph_def.node
    }
    opened = frozen_graph.FrozenGraph(graph)
    assert opened.input_shape == (24, 94, 3)
    assert opened.output_shape[1] == trained.config.vocabulary().num_classes


def test_the_uint8_file_of_the_command(tflite, graph, trained, plates):
    model = open_interpreter(tflite)
    (taken,), (given,) = model.inputs, model.outputs
    assert (taken.dtype, taken.shape, taken.zero_point) == (np.uint8, (1, 24, 94, 3), 128)
    assert taken.scale == pytest.approx(1 / 127)
    assert (given.dtype, len(given.shape)) == (np.uint8, 3)
    rng = np.random.default_rng(1)
    images = np.concatenate([plates.images, rng.integers(0, 256, (8, 24, 94, 3), np.uint8)])
    expected = open_model(graph, trained.config).predict(images)
    received = open_model(tflite, trained.config).predict(images)
    assert np.abs(received - expected).max() <= 2 * given.scale * 1.001


def test_a_uint8_file_takes_pixels_as_they_are(tflite, trained, plates):
    """What a chip does: bytes of the resized crop in, bytes out, no floating point."""
    model = open_interpreter(tflite)
    expected = open_model(tflite, trained.config).predict(plates.images)
    for image, logits in zip(plates.images, expected, strict=True):
        raw = model.run(image[None])
        given = model.outputs[0]
        np.testing.assert_allclose((raw[0].astype(np.float32) - given.zero_point) * given.scale, logits, atol=1e-6)


def test_the_range_from_zero_to_one(tmp_path):
    config = tiny_config(symmetric_range=False, alphabet="ABC")
    model = build_lprnet(Architecture.from_config(config, 4), quantization_aware=True)
    images = some_images(config, 16)
    for _ in range(3):
        model(images, training=True)
    graph_def = frozen_graph.freeze(model)
    frozen_graph.save_graph(graph_def, tmp_path / "graph.pb")
    convert(tmp_path / "graph.pb", tmp_path / "graph.tflite", mean=0, std_dev=255)
    taken = open_interpreter(tmp_path / "graph.tflite").inputs[0]
    assert taken.zero_point == 0
    assert taken.scale == pytest.approx(1 / 255)
    pixels = np.random.default_rng(0).integers(0, 256, (6, *config.input_shape), np.uint8)
    expected = open_model(tmp_path / "graph.pb", config).predict(pixels)
    received = open_model(tmp_path / "graph.tflite", config).predict(pixels)
    assert np.abs(received - expected).max() <= 2 * step_of(tmp_path / "graph.tflite") * 1.001


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"hello", "expected a frozen graph, received"),
        (b"", "expected a graph with the nodes `input` and `Squeeze`, received one of 0 nodes without Squeeze, input"),
    ],
)
def test_other_files_are_refused(tmp_path, data, message):
    (tmp_path / "graph.pb").write_bytes(data)
    with pytest.raises(ModelError, match=f"graph.pb: {message}"):
        frozen_graph.FrozenGraph(tmp_path / "graph.pb")
    with pytest.raises(ModelError, match="expected a frozen graph, received an error: No such file"):
        frozen_graph.load_graph(tmp_path / "gone.pb")


def test_a_graph_cut_short_is_refused(graph, tmp_path):
    data = graph.read_bytes()
    for length in range(0, len(data) - 1, len(data) // 23):
        (tmp_path / "graph.pb").write_bytes(data[:length])
        with pytest.raises(ModelError, match=r"graph.pb: expected"):
            frozen_graph.FrozenGraph(tmp_path / "graph.pb")

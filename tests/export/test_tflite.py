"""Conversion: each file computes what the checkpoint computes; the workflow's command makes the same; bad input."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from deployed_models import CONFIG, ROOT, config_file, exported, folder, prepared_crops
from tiny_models import tiny_config

from lp_recognition.networks.recognition import restored_lprnet
from lp_recognition.reading.recognizer import Recognizer
from lp_recognition.settings.recognition import RecognitionConfig
from lp_recognition.system.errors import ConfigError, ModelError, UserError
from lp_recognition.tools.models import open_model


@pytest.fixture(scope="module")
def expected() -> np.ndarray:
    return open_model(folder() / "model.ckpt-7.ckpt", CONFIG).predict(prepared_crops())


@pytest.mark.parametrize("kind", ["uint8", "int8"])
def test_an_integer_file_computes_the_very_logits_of_the_checkpoint(kind, expected):
    recognizer = Recognizer(exported() / f"graph_{kind}.tflite")
    taken, given = recognizer.ends
    assert taken.dtype == given.dtype == kind
    assert (taken.scale, taken.zero_point) == (pytest.approx(1 / 127), 128 if kind == "uint8" else 0)
    apart = np.abs(recognizer.predict(prepared_crops()) - expected) / given.scale
    assert apart.max() < 0.01


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("context", ["fully_connected", "convolutional", "none"])
def test_every_network_computes_as_its_file_does(context, per_channel, tmp_path):
    """Ranges, statistics and biases by chance: each layer rounds where the chip rounds."""
    import keras

    from lp_recognition.export.exporting import export_checkpoint
    from lp_recognition.export.recognition import RecognitionExport
    from lp_recognition.model_files.checkpoints import model_arrays, save_checkpoint
    from lp_recognition.networks.lprnet import Architecture, build_lprnet
    from lp_recognition.networks.quantization import QuantizableUnit

    config = tiny_config(
        tmp_path, global_context=context, quantize_per_channel=per_channel, quantization_aware=True, alphabet="ABC123"
    )
    architecture = Architecture.from_config(config, config.vocabulary().num_classes)
    keras.utils.set_random_seed(11)
    model = build_lprnet(architecture, quantization_aware=True, per_channel=per_channel)
    rng = np.random.default_rng(12)
    pixels = rng.integers(0, 256, (16, *config.input_shape), np.uint8)
    for layer in model.layers:
        if isinstance(layer, QuantizableUnit) and layer.batch_norm:
            layer.moving_mean.assign(rng.normal(0, 0.2, layer.filters))
            layer.moving_variance.assign(rng.uniform(0.5, 2.0, layer.filters))
            layer.beta.assign(rng.normal(0.3, 0.3, layer.filters))
    for _ in range(3):
        model(config.preprocessing.normalize(pixels), training=True)
    path = tmp_path / "model.ckpt-1.ckpt"
    save_checkpoint(path, 1, config, model_arrays(model))
    export_checkpoint(RecognitionExport(), path, config, tmp_path / "out", kinds=["int8"])
    ours = open_model(path).predict(pixels)
    file = Recognizer(tmp_path / "out" / "graph_int8.tflite")
    assert np.abs(file.predict(pixels) - ours).max() < 0.01 * file.ends[1].scale
    assert len(np.unique(ours)) > 30


@pytest.mark.parametrize("per_channel", [False, True])
def test_biases_are_whole_steps_of_the_chip(per_channel):
    from lp_recognition.deployment.layers import read_model_file, read_network
    from lp_recognition.model_files.checkpoints import load_checkpoint
    from lp_recognition.networks.quantization import QuantizableUnit

    checkpoint = load_checkpoint(folder() / "model.ckpt-7.ckpt", RecognitionConfig)
    model = restored_lprnet(checkpoint, quantized=True, per_channel=per_channel)
    network = read_network(read_model_file(exported() / "graph_int8.tflite"), "int8")
    layers = {layer.name: layer for layer in network.layers}
    units = [layer for layer in model.layers if isinstance(layer, QuantizableUnit)]
    assert len(units) > 10
    for unit in units:
        kernel, bias = (np.asarray(values, np.float64) for values in unit.folded())
        axes = {"depthwise_conv": (0, 1, 3), "conv": (0, 1, 2)}[unit.operation] if per_channel else None
        limit = np.abs(kernel).max(axis=axes)
        steps = bias / (layers[unit.name].inputs[0].scales[0] * limit / 127)
        assert np.abs(steps - np.rint(steps)).max() < 0.02, unit.name
        if not per_channel:
            assert np.array_equal(np.rint(steps), layers[unit.name].inputs[2].values()), unit.name


def test_the_two_integer_files_compute_the_same(expected):
    uint8, int8 = (Recognizer(exported() / f"graph_{kind}.tflite") for kind in ("uint8", "int8"))
    assert uint8.ends[1].scale == int8.ends[1].scale
    apart = np.abs(uint8.predict(prepared_crops()) - int8.predict(prepared_crops()))
    assert apart.max() <= 1.01 * int8.ends[1].scale


def test_the_frozen_graph_is_the_checkpoint(expected):
    graph = open_model(exported() / "graph.pb.frozen")
    step = Recognizer(exported() / "graph_int8.tflite").ends[1].scale
    apart = np.abs(graph.predict(prepared_crops()) - expected)
    assert apart.max() <= 1.01 * step  # rounding may tip a value
    assert np.median(apart) < 1e-5


def test_the_float_file_is_the_network_without_quantizers(expected):
    tf_logits = Recognizer(exported() / "graph_float.tflite").predict(prepared_crops())
    step = Recognizer(exported() / "graph_int8.tflite").ends[1].scale
    assert 0 < np.abs(tf_logits - expected).mean() < 3 * step


def test_the_half_precision_file_is_the_float_one_in_fewer_bytes():
    floats, halves = (exported() / f"graph_{kind}.tflite" for kind in ("float", "float16"))
    assert halves.stat().st_size < floats.stat().st_size
    logits = Recognizer(floats).predict(prepared_crops())
    apart = np.abs(Recognizer(halves).predict(prepared_crops()) - logits)
    assert 0 < apart.max() < 0.01 * np.abs(logits).max()


@pytest.mark.slow
def test_the_command_of_the_workflow_gives_the_same_logits(tmp_path):
    converted = tmp_path / "graph.tflite"
    command = [
        Path(sys.executable).parent / "tflite_convert", "--enable_v1_converter",
        f"--graph_def_file={exported() / 'graph.pb.frozen'}", f"--output_file={converted}", "--input_arrays=input",
        "--output_arrays=Squeeze", "--inference_type=QUANTIZED_UINT8", "--mean_values=128", "--std_dev_values=127",
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    ours = Recognizer(exported() / "graph_uint8.tflite").predict(prepared_crops())
    assert np.array_equal(Recognizer(converted, config=CONFIG).predict(prepared_crops()), ours)
    with pytest.raises(ConfigError, match=r"carries no description .* add --config"):
        Recognizer(converted)


def test_per_channel_weights_are_an_option_of_int8(tmp_path, expected):
    from lp_recognition.deployment.layers import read_model_file, read_network
    from lp_recognition.export.exporting import export_checkpoint
    from lp_recognition.export.recognition import RecognitionExport

    checkpoint = folder() / "model.ckpt-7.ckpt"
    export_checkpoint(RecognitionExport(), checkpoint, CONFIG, tmp_path, kinds=["uint8", "int8"], per_channel=True)
    network = read_network(read_model_file(tmp_path / "graph_int8.tflite"), "int8")
    scales = {layer.name: len(layer.inputs[1].scales) for layer in network.layers if len(layer.inputs) == 3}
    assert scales["stem"] == network.layers[0].outputs[0].shape[3] > 1
    assert scales["context"] == CONFIG.vocabulary().num_classes
    recognizer = Recognizer(tmp_path / "graph_int8.tflite")
    apart = np.abs(recognizer.predict(prepared_crops()) - expected) / recognizer.ends[1].scale
    assert apart.mean() < 3
    assert np.array_equal(Recognizer(tmp_path / "graph_uint8.tflite").predict(prepared_crops()), expected)
    with pytest.raises(UserError, match=r"--per_channel: expected --tflite int8, received none"):
        export_checkpoint(RecognitionExport(), checkpoint, CONFIG, tmp_path / "2", kinds=["uint8"], per_channel=True)


def test_a_model_trained_with_a_scale_per_channel_has_no_uint8_file(tmp_path):
    from lp_recognition.export.exporting import export_checkpoint
    from lp_recognition.export.recognition import RecognitionExport
    from lp_recognition.model_files.checkpoints import load_checkpoint, save_checkpoint

    config = CONFIG.with_values(quantize_per_channel=True)
    arrays = load_checkpoint(folder() / "model.ckpt-7.ckpt", RecognitionConfig).arrays
    save_checkpoint(tmp_path / "model.ckpt-7.ckpt", 7, config, arrays)
    with pytest.raises(
        ModelError, match=r"ckpt-7\.ckpt: expected one scale .* quantize_per_channel; ask for --tflite int8"
    ):
        export_checkpoint(
            RecognitionExport(), tmp_path / "model.ckpt-7.ckpt", config, tmp_path / "out", kinds=["uint8", "int8"]
        )
    assert not (tmp_path / "out").exists()


def test_a_value_range_from_zero_is_kept(tmp_path):
    from lp_recognition.export.frozen_graph import freeze
    from lp_recognition.export.tflite import convert
    from lp_recognition.model_files.checkpoints import load_checkpoint
    from lp_recognition.model_files.interpreter import open_interpreter

    checkpoint = load_checkpoint(folder() / "model.ckpt-7.ckpt", RecognitionConfig)
    preprocessing = dataclasses.replace(CONFIG.preprocessing, symmetric_range=False)
    graph_def = freeze(restored_lprnet(checkpoint, quantized=True))
    for kind, zero_point in (("uint8", 0), ("int8", -128)):
        taken = open_interpreter(convert(graph_def, kind, preprocessing)).inputs[0]
        assert (taken.scale, taken.zero_point) == (pytest.approx(1 / 255), zero_point)


def export(*arguments: str) -> int:
    import export_frozen_graph

    return export_frozen_graph.main([str(config_file()), *arguments])


def test_a_float_checkpoint_has_no_integer_file(tmp_path, capsys):
    float_checkpoint = ["--checkpoint", str(folder() / "float.ckpt"), "--output_dir", str(tmp_path / "out")]
    with pytest.raises(ModelError, match=r"float\.ckpt: .*learnt the ranges .*quantize_after_training"):
        export(*float_checkpoint, "--tflite", "int8")
    assert not (tmp_path / "out").exists()
    assert export(*float_checkpoint, "--tflite", "float") == 0
    assert "graph_float.tflite" in capsys.readouterr().out


def test_an_earlier_export_is_not_replaced_unasked_and_the_same_bytes_come_again():
    out = exported()
    before = (out / "graph_int8.tflite").read_bytes()
    arguments = ["--checkpoint", str(folder() / "model.ckpt-7.ckpt"), "--output_dir", str(out)]
    arguments += ["--tflite", "int8", "--list", str(folder() / "crops" / "list.txt")]
    with pytest.raises(UserError, match=r"graph\.pb\.frozen: expected no such file yet.*--output_dir.*--overwrite"):
        export(*arguments)
    (out / "graph_int8.tflite").write_bytes(b"old")
    assert export(*arguments, "--overwrite") == 0
    assert (out / "graph_int8.tflite").read_bytes() == before


@pytest.mark.parametrize("kind", ["int8", "uint8"])
def test_quantization_after_training(kind, tmp_path, capsys):
    from lp_recognition.tools import quantize_after_training

    output = tmp_path / "ptq.tflite"
    arguments = [str(config_file()), "--checkpoint", str(folder() / "float.ckpt"), "--output", str(output)]
    arguments += ["--list", str(folder() / "crops" / "list.txt"), "--images", "10", "--io", kind]
    assert quantize_after_training.main(arguments) == 0
    assert "10 images" in capsys.readouterr().out
    recognizer = Recognizer(output)
    taken, given = recognizer.ends
    assert taken.dtype == given.dtype == kind
    floats = open_model(folder() / "float.ckpt", CONFIG).predict(prepared_crops())
    apart = np.abs(recognizer.predict(prepared_crops()) - floats) / given.scale
    assert 0 < apart.mean() < 4
    with pytest.raises(UserError, match=r"ptq\.tflite: expected no such file yet.*--output.*--overwrite"):
        quantize_after_training.main(arguments)


@pytest.mark.parametrize("script", ["export_frozen_graph.py", "utils/quantize_after_training.py"])
def test_help_is_quick_and_shows_an_example(script):
    name = script.removesuffix(".py").replace("/", ".")
    result = subprocess.run(
        [sys.executable, "-m", name, "--help"], capture_output=True, text=True, cwd=ROOT, timeout=10
    )
    assert result.returncode == 0
    assert "example" in result.stdout


@pytest.mark.parametrize("kind", ["int8", "float"])
def test_a_file_that_computes_something_else_is_refused(kind, tmp_path, monkeypatch):
    """As where a converter has a fault: each file is run beside the checkpoint before anything is written."""
    from lp_recognition.export import exporting
    from lp_recognition.export.frozen_graph import freeze
    from lp_recognition.export.recognition import RecognitionExport
    from lp_recognition.model_files.checkpoints import load_checkpoint

    right, preprocessing = exporting.convert, CONFIG.preprocessing
    if kind == "int8":  # pixels that mean something else
        other = dataclasses.replace(preprocessing, symmetric_range=False)
        monkeypatch.setattr(exporting, "convert", lambda graph, kind, _: right(graph, kind, other))
    else:  # other weights
        checkpoint = load_checkpoint(folder() / "float.ckpt", RecognitionConfig)
        wrong = right(freeze(restored_lprnet(checkpoint, quantized=False)), "float", preprocessing)
        monkeypatch.setattr(exporting, "convert", lambda graph, kind, _: wrong)
    told = rf"graph_{kind}\.tflite: expected a file that computes the checkpoint's outputs"
    with pytest.raises(ModelError, match=told):
        exporting.export_checkpoint(
            RecognitionExport(), folder() / "model.ckpt-7.ckpt", CONFIG, tmp_path / "out", kinds=[kind]
        )
    assert not (tmp_path / "out").exists()


def test_a_graph_that_computes_something_else_is_refused(tmp_path, monkeypatch):
    from lp_recognition.export import exporting
    from lp_recognition.export.frozen_graph import load_graph
    from lp_recognition.export.recognition import RecognitionExport

    other = load_graph(exported() / "graph.pb.frozen")
    monkeypatch.setattr(exporting, "freeze", lambda model: other)
    with pytest.raises(ModelError, match=r"float\.ckpt: expected a graph that computes the same outputs"):
        exporting.export_checkpoint(RecognitionExport(), folder() / "float.ckpt", CONFIG, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_typical_images_are_spread_over_the_lists():
    from lp_recognition.export.recognition import RecognitionExport

    crops = folder() / "crops"
    (crops / "paths.txt").write_text("".join(f"{number}.png\n" for number in range(24)))
    prepared = prepared_crops()
    for lists, expected in (
        (["list.txt"], [0, 11, 23]), (["paths.txt"], [0, 11, 23]), (["list.txt", "paths.txt"], [0, 23, 23]),
    ):  # fmt: skip
        found = RecognitionExport().typical_images([str(crops / name) for name in lists], CONFIG, 3)
        assert np.array_equal(found, prepared[expected])
    assert len(RecognitionExport().typical_images([str(crops / "list.txt")], CONFIG, 300)) == 24

"""The report: every figure against counts by hand, every check against a network that breaks it."""

from __future__ import annotations

import dataclasses
import functools
import json
import re
import subprocess
import sys

import numpy as np
import pytest
from deployed_models import CONFIG, ROOT, config_file, exported, folder
from tiny_models import run_python

from lp_recognition.system.errors import ConfigError, ModelError, UserError

tf = pytest.importorskip("tensorflow")

from lp_recognition.deployment import micro  # noqa: E402
from lp_recognition.deployment.layers import Network, layer_names, model_bytes, read_network  # noqa: E402
from lp_recognition.deployment.report import report_config, report_file  # noqa: E402
from lp_recognition.deployment.report_page import report_page  # noqa: E402
from lp_recognition.deployment.targets import Verdict, check, load_targets  # noqa: E402
from lp_recognition.export.recognition import RecognitionExport  # noqa: E402
from lp_recognition.model_files.recognition import RECOGNITION  # noqa: E402
from lp_recognition.settings.recognition import load_config  # noqa: E402
from lp_recognition.tools import deployment_report  # noqa: E402

needs_micro = pytest.mark.skipif(not micro.is_installed(), reason="tflite-micro (extra [mcu]) is not installed")


def convert(function, *shape: int, quantized: bool = False, flex: bool = False) -> bytes:
    """A `.tflite` of a function of one tensor."""
    concrete = tf.function(function, input_signature=[tf.TensorSpec(shape, tf.float32)]).get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete])
    if quantized:
        rng = np.random.default_rng(0)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([rng.random(shape, np.float32)] for _ in range(3))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    if flex:
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
    return converter.convert()


def small_network(images):
    """6x8x3 -> convolution of 4 -> pool to 3x4x4 -> depthwise 3x3 -> joined with the pool -> 5 fully connected."""
    rng = np.random.default_rng(1)

    def numbers(*shape):
        return rng.normal(size=shape).astype(np.float32)

    x = tf.nn.relu(tf.nn.conv2d(images, numbers(3, 3, 3, 4), 1, "SAME") + numbers(4))
    x = pooled = tf.nn.max_pool2d(x, 2, 2, "VALID")
    x = tf.nn.relu(tf.nn.depthwise_conv2d(x, numbers(3, 3, 4, 1), [1, 1, 1, 1], "SAME") + numbers(4))
    x = tf.concat([pooled, x], 3)
    return tf.linalg.matmul(tf.reshape(x, (1, 96)), numbers(96, 5)) + numbers(5)


@functools.cache
def network(quantized: bool) -> Network:
    return read_network(convert(small_network, 1, 6, 8, 3, quantized=quantized), "small")


# By hand, of `small_network`: layer -> MACs, elements of weights, of biases, of input and output.
BY_HAND = {
    "CONV_2D": (6 * 8 * 4 * 3 * 3 * 3, 108, 4, 144 + 192),
    "MAX_POOL_2D": (0, 0, 0, 192 + 48),
    "DEPTHWISE_CONV_2D": (3 * 4 * 4 * 9, 36, 4, 48 + 48),
    "CONCATENATION": (0, 0, 0, 48 + 48 + 96),
    "RESHAPE": (0, 0, 0, 96 + 96),
    "FULLY_CONNECTED": (96 * 5, 480, 5, 96 + 5),
}


@pytest.mark.parametrize("quantized", [False, True])
def test_every_layer_as_counted_by_hand(quantized):
    size = 1 if quantized else 4
    layers = network(quantized).layers
    assert [layer.operator for layer in layers] == list(BY_HAND)
    for layer in layers:
        macs, weights, biases, activations = BY_HAND[layer.operator]
        assert (layer.macs, layer.parameters) == (macs, weights + biases), layer.operator
        assert layer.weight_bytes == weights * size + biases * 4, layer.operator
        assert layer.activation_bytes == activations * size, layer.operator


@pytest.mark.parametrize("quantized", [False, True])
def test_sums_and_peak_as_counted_by_hand(quantized):
    size = 1 if quantized else 4
    whole = network(quantized)
    assert whole.macs == 5184 + 432 + 480
    assert whole.parameters == 108 + 4 + 36 + 4 + 480 + 5
    assert whole.weight_bytes == (108 + 36 + 480) * size + (4 + 4 + 5) * 4
    # convolution 144 + 192; pool 192 + 48; depthwise 48 + 48; concatenation 48 + 48 + 96; reshape 96 + 96; 96 + 5
    assert whole.live_bytes == tuple(size * count for count in (336, 240, 96, 192, 192, 101))
    peak, layer = whole.peak
    assert (peak, layer.operator) == (336 * size, "CONV_2D")
    assert whole.file_bytes == len(convert(small_network, 1, 6, 8, 3, quantized=quantized))


def test_a_tensor_lives_until_its_last_use():
    def two_ways(images):  # the input is taken again at the end
        x = tf.nn.max_pool2d(images, 2, 1, "SAME")
        x = tf.nn.max_pool2d(x, 3, 1, "SAME")
        return x + images

    whole = read_network(convert(two_ways, 1, 4, 4, 1), "two")
    assert [layer.operator for layer in whole.layers] == ["MAX_POOL_2D", "MAX_POOL_2D", "ADD"]
    assert whole.live_bytes == (4 * 32, 4 * 48, 4 * 48)


def test_files_appended_to_a_model_are_no_part_of_it():
    data = (exported() / "graph_int8.tflite").read_bytes()
    assert len(model_bytes(data)) < len(data)
    assert model_bytes(data)[4:8] == b"TFL3"
    assert read_network(data, "x").file_bytes == len(model_bytes(data))
    assert model_bytes(model_bytes(data)) == model_bytes(data)


def test_the_report_counts_what_the_summary_of_the_keras_model_counts():
    from lp_recognition.networks.costs import layer_costs
    from lp_recognition.networks.lprnet import Architecture, build_lprnet

    architecture = Architecture.from_config(CONFIG, CONFIG.vocabulary().num_classes)
    costs = {cost.name: cost for cost in layer_costs(build_lprnet(architecture))}
    report = read_network((exported() / "graph_uint8.tflite").read_bytes(), "uint8")
    assert report.macs == sum(cost.macs for cost in costs.values())
    assert report.parameters == sum(cost.parameters for cost in costs.values())
    for layer in report.layers:
        if layer.macs:
            assert (layer.macs, layer.weight_bytes) == (costs[layer.name].macs, costs[layer.name].weight_bytes)


@needs_micro
def test_the_arena_is_what_the_interpreter_took():
    """The activations' share is that of our own count by liveness: no layer of LPRNet needs more."""
    data = (exported() / "graph_int8.tflite").read_bytes()
    run = micro.run_once(data)
    assert run.arena is not None
    assert run.refusal == ""
    peak, _ = read_network(data, "int8").peak
    assert peak <= run.arena.activations <= peak + 2048  # aligned to 16 bytes, and scratch buffers
    assert run.arena.total == run.arena.activations + run.arena.persistent
    assert sum(run.arena.parts.values()) <= run.arena.persistent
    # It is measured, not computed: an arena as large will do, half of it will not.
    enough = """
import sys
from tflite_micro import runtime
data = open(sys.argv[1], 'rb').read()
runtime.Interpreter.from_bytes(data, arena_size=int(sys.argv[2])).invoke()
"""
    for size, status in ((run.arena.total + 4096, 0), (run.arena.total // 2, 1)):
        arguments = [sys.executable, "-c", enough, str(exported() / "graph_int8.tflite"), str(size)]
        assert subprocess.run(arguments, capture_output=True, timeout=60).returncode == status


# ---- Targets -----------------------------------------------------------------------------------------------------


def verdict_of(data: bytes, target: str, **changes) -> Verdict:
    wanted = load_targets()[target].model_copy(update=changes)
    run = micro.run_once(data) if wanted.interpreter and micro.is_installed() else None
    return check(read_network(data, "x"), wanted, run, RECOGNITION.advice)


def problems(verdict: Verdict) -> str:
    return "\n".join(f"{f.problem} -> {f.fix}" for f in verdict.findings if not f.is_warning)


def test_the_exported_files_pass():
    assert problems(verdict_of((exported() / "graph_uint8.tflite").read_bytes(), "gap8")) == ""
    assert problems(verdict_of((exported() / "graph_int8.tflite").read_bytes(), "gap8")) == ""
    for target in ("tflite-micro", "stm32h7", "stm32f7"):
        verdict = verdict_of((exported() / "graph_int8.tflite").read_bytes(), target)
        assert problems(verdict) == ""
        assert verdict.passed == micro.is_installed()


@needs_micro
def test_tflite_micro_refuses_uint8_as_the_report_says():
    verdict = verdict_of((exported() / "graph_uint8.tflite").read_bytes(), "tflite-micro")
    assert "layer 0 `stem`: computes with uint8, as do" in problems(verdict)
    assert "TFLite-Micro refuses the file" in problems(verdict)
    assert "--tflite int8" in problems(verdict)


KERNEL = np.ones((3, 3, 2, 2), np.float32)


def padded_pool(images):
    return tf.nn.avg_pool2d(images, 3, 1, "SAME")


def valid_pool(images):
    return tf.nn.avg_pool2d(images, 3, 1, "VALID")


def unflat(images):
    return tf.linalg.matmul(images, np.ones((2, 3), np.float32))


def five_dimensions(images):
    return tf.transpose(tf.reshape(images, (1, 4, 2, 2, 2)), (0, 2, 1, 4, 3))


def padding_before_pool(images):
    return tf.nn.max_pool2d(tf.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0))), 3, 1, "VALID")


def padding_before_convolution(images):
    return tf.nn.conv2d(tf.pad(images, ((0, 0), (2, 1), (1, 1), (0, 0))), KERNEL, 1, "VALID")


def strided_slice(images):
    return images[:, ::2, :, :] * 2.0


def offset_slice(images):
    return images[:, 1:, :, :] + 1.0


def half_pixel(images):
    return tf.compat.v1.image.resize_bilinear(images, (8, 8), half_pixel_centers=True)


def division(images):
    return 1.0 / (images + 2.0)


@pytest.mark.parametrize(
    ("function", "problem", "fix"),
    [
        (padded_pool, r"layer \d+ `\S+`: an average pool with padding", "padding='valid'"),
        (unflat, "(fully connected layer on a tensor of shape|BATCH_MATMUL)", "(flatten before it|fully connected)"),
        (five_dimensions, "a tensor of 5 dimensions", "4 dimensions"),
        (padding_before_pool, "padding before MAX_POOL_2D", "right before a convolution"),
        (strided_slice, "a slice with an offset or a stride", "strides of a convolution"),
        (offset_slice, "a slice with an offset or a stride", "strides of a convolution"),
        (half_pixel, "a resize by pixel centres", "half_pixel_centers=False"),
        (division, "DIV is refused", "multiply by a constant"),
    ],
)
def test_what_nntool_gets_wrong_is_found_and_told(function, problem, fix):
    verdict = verdict_of(convert(function, 1, 4, 4, 2), "gap8")
    text = problems(verdict)
    assert re.search(problem, text), text
    assert re.search(fix, text), text
    assert not verdict.passed


def tiled(images):
    return tf.tile(images, (1, 1, 3, 1))


@pytest.mark.parametrize("function", [valid_pool, padding_before_convolution, tiled])
def test_what_nntool_takes_is_not_blamed(function):
    text = problems(verdict_of(convert(function, 1, 4, 4, 2, quantized=True), "gap8"))
    assert text == ""


def test_a_batch_is_refused():
    assert "the batch is not 1" in problems(verdict_of(convert(valid_pool, 2, 4, 4, 2), "gap8"))


def test_an_operator_of_tensorflow_is_refused_by_all():
    data = convert(lambda x: tf.math.erf(x), 1, 4, 4, 2, flex=True)
    for target in ("gap8", "tflite-micro"):
        assert "FlexErf is a Flex operator of TensorFlow" in problems(verdict_of(data, target))


@needs_micro
def test_tile_is_refused_by_the_interpreter_itself():
    text = problems(verdict_of(convert(tiled, 1, 4, 4, 2, quantized=True), "tflite-micro"))
    assert "TFLite-Micro refuses the file: Didn't find op for builtin opcode 'TILE'" in text
    assert "TILE is refused -> repeat by concatenations" in text


def test_memory_beyond_a_budget_names_the_layer():
    data = (exported() / "graph_uint8.tflite").read_bytes()
    peak, layer = read_network(data, "x").peak
    assert problems(verdict_of(data, "gap8", ram_bytes=peak)) == ""
    text = problems(verdict_of(data, "gap8", ram_bytes=peak - 1))
    assert f"layer {layer.number} `{layer.name}`: the network needs" in text
    assert "stem_pool_strides=(2, 2)" in text
    text = problems(verdict_of(data, "gap8", flash_bytes=1000))
    assert "of flash" in text


def test_signed_activations_are_a_warning():
    def signed(images):
        return tf.nn.conv2d(images - 0.6, KERNEL, 1, "VALID")

    verdict = verdict_of(convert(signed, 1, 4, 4, 2, quantized=True), "gap8")
    assert any("not symmetric" in finding.problem for finding in verdict.findings if finding.is_warning)


def test_a_target_of_the_user(tmp_path):
    own = tmp_path / "own.yaml"
    own.write_text("nrf52:\n  base: tflite-micro\n  title: nRF52840\n  ram_bytes: 1000\n  flash_bytes: 1000000\n")
    targets = load_targets(own)
    assert targets["nrf52"].interpreter == "tflite-micro"
    assert targets["nrf52"].refused == targets["tflite-micro"].refused
    arguments = [str(exported() / "graph_int8.tflite"), "--target", "nrf52", "--targets", str(own)]
    assert deployment_report.main(arguments) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x: [1", "own.yaml: expected YAML"),
        ("- x", "own.yaml: expected targets by name"),
        ("x: {title: X}", "own.yaml: x: types: Field required"),
        ("x: {title: X, types: [INT8], ram: 3}", "own.yaml: x: ram: Extra inputs"),
        ("x: {base: stm32}", "own.yaml: x: base: expected a target from above, received `stm32`"),
        ("x: {base: gap8, forms: [batch_l]}", "own.yaml: x: unknown form `batch_l`. Did you mean `batch_1`"),
    ],
)
def test_a_broken_file_of_targets_is_told(tmp_path, text, message):
    own = tmp_path / "own.yaml"
    own.write_text(text)
    with pytest.raises(ConfigError, match=message.replace(".", r"\.")):
        load_targets(own)


# ---- The command -------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_config_is_reported_before_any_training(tmp_path, capsys):
    page, record = tmp_path / "r.html", tmp_path / "r.json"
    status = deployment_report.main([str(config_file()), "--html", str(page), "--json", str(record)])
    output = capsys.readouterr().out
    assert status == 0
    trained = read_network((exported() / "graph_uint8.tflite").read_bytes(), "uint8")
    values = json.loads(record.read_text())
    assert values["macs"] == trained.macs  # the same graph
    assert [layer["name"] for layer in values["layers"]] == [layer.name for layer in trained.layers]
    assert values["peak_activation_bytes"] == trained.peak[0]
    assert f"MACs: {trained.macs:,}" in output
    assert "gap8: passed" in output
    text = page.read_text()
    assert "http" not in text.replace("http-equiv", "")  # nothing is fetched
    assert "block1_1_expand" in text


@pytest.mark.slow
def test_a_file_before_training_is_as_large_as_after_it():
    """Its metadata apart: biases that are all zero would share their bytes, and thousands be missing."""
    shipped = ROOT / "pretrained" / "lprnet_nano_cn"
    config = load_config(shipped / "config.yaml")
    report = report_config(RecognitionExport(), config, "x", [load_targets()["gap8"]])
    trained = read_network((shipped / "lprnet_nano_cn_uint8.tflite").read_bytes(), "x")
    assert 0 <= trained.file_bytes - report.network.file_bytes < 1000
    assert (report.network.weight_bytes, report.network.peak[0]) == (trained.weight_bytes, trained.peak[0])


@pytest.mark.slow
@needs_micro
def test_a_fully_connected_context_runs_on_both_tool_chains(capsys):
    """It is repeated over time without a TILE, which TFLite-Micro has not."""
    arguments = [str(config_file()), "global_context=fully_connected", "rnn_cells_num=8"]
    assert deployment_report.main([*arguments, "--target", "gap8", "tflite-micro"]) == 0
    output = capsys.readouterr().out
    assert "TILE" not in output
    assert "| repeat " in output


@needs_micro
def test_status_of_named_and_unnamed_targets(capsys):
    file = str(exported() / "graph_uint8.tflite")
    assert deployment_report.main([file]) == 0
    assert deployment_report.main([file, "--target", "gap8"]) == 0
    assert deployment_report.main([file, "--target", "gap8", "tflite-micro"]) == 1
    assert "LP-RR" in capsys.readouterr().out


def test_without_the_interpreter_it_says_so(monkeypatch, capsys):
    monkeypatch.setattr("lp_recognition.deployment.report.is_installed", lambda: False)
    assert deployment_report.main([str(exported() / "graph_int8.tflite"), "--target", "stm32f7"]) == 1
    output = capsys.readouterr().out
    assert "stm32f7: not checked" in output
    assert "lp-recognition[mcu]" in output


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "an empty one"), (b"no model at all", "does not begin as such"), (None, "cut off or broken")],
)
def test_a_file_that_is_no_model_is_told(tmp_path, content, message):
    whole = (exported() / "graph_int8.tflite").read_bytes()
    path = tmp_path / "x.tflite"
    path.write_bytes(whole[:9000] if content is None else content)
    with pytest.raises(ModelError, match=rf"x\.tflite: .*{message}"):
        deployment_report.main([str(path)])


def test_a_file_with_any_byte_changed_is_reported_or_refused():
    whole = (exported() / "graph_int8.tflite").read_bytes()
    rng = np.random.default_rng(3)
    targets = load_targets().values()
    refused = 0
    for _ in range(120):
        data = bytearray(whole)
        for place in rng.choice([*range(2000), *range(len(data) - 30_000, len(data))], 4):
            data[place] = rng.integers(256)
        try:
            broken = read_network(bytes(data), "x")
            for target in targets:
                check(broken, target, None)
        except ModelError:
            refused += 1
    assert 10 < refused < 120


def test_other_mistakes_are_told():
    with pytest.raises(ModelError, match=r"none\.tflite: .*No such file"):
        deployment_report.main(["none.tflite"])
    with pytest.raises(UserError, match=r"expected one of gap8, .*received `gap`\. Did you mean `gap8`"):
        deployment_report.main([str(exported() / "graph_int8.tflite"), "--target", "gap"])
    with pytest.raises(UserError, match=r"expected no settings beside a \.tflite"):
        deployment_report.main([str(exported() / "graph_int8.tflite"), "width_multiplier=2"])


def test_the_page_marks_what_failed():
    data = folder() / "divided.tflite"
    data.write_bytes(convert(division, 1, 4, 4, 2))
    targets = [load_targets()["gap8"]]
    text = report_page(report_file(str(data), targets))
    assert '<span class="verdict bad">failed</span>' in text
    hostile = dataclasses.replace(report_file(str(data), targets), source="<script>")
    assert "<script>" not in report_page(hostile)


def test_per_channel_weights_are_reported_for_int8():
    config = CONFIG.with_values(quantize_per_channel=True)
    report = report_config(RecognitionExport(), config, "x", [load_targets()["tflite-micro"]])
    assert len(report.network.layers[0].inputs[1].scales) > 1


def test_help_is_quick():
    result = run_python("-m", "utils.deployment_report", "--help", timeout=10)
    assert result.returncode == 0
    assert "config/gap8.py" in result.stdout


@pytest.mark.parametrize(
    ("names", "short"),
    [
        (["net/conv_1/Relu;net/conv_1/add", "net/pool/MaxPool2d", "Squeeze"], ["conv_1", "pool", "Squeeze"]),
        (["net_1/conv_1/Relu", "net_1/conv_2_1/add"], ["conv", "conv_2"]),  # called a second time
        (["net_2/conv_1/Relu"], ["conv_1"]),
        (["a/conv/Relu", "b/conv/Relu"], ["a/conv/Relu", "b/conv/Relu"]),
        (["x" * 41, "y" * 40], ["..." + "x" * 37, "y" * 40]),
    ],
)
def test_layers_have_short_names(names, short):
    assert layer_names(names) == short

"""The comparison: figures on cases that are known beforehand, all forms of one model, and what breaks the bound."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from deployed_models import CONFIG, REAL_CROPS, config_file, exported, folder
from tiny_models import run_python

from lp_recognition.system.errors import ModelError, UserError

pytest.importorskip("tensorflow")

from lp_recognition.deployment import micro
from lp_recognition.deployment.comparison import Bounds, Comparison, ModelResult, compare, run_forms
from lp_recognition.deployment.comparison_page import comparison_page
from lp_recognition.deployment.noise import LayerNoise, noise_table, noise_verdict, signal_to_noise
from lp_recognition.deployment.recognition import PlateSubject, RecognitionComparison
from lp_recognition.evaluation.opening import Opened
from lp_recognition.evaluation.recognition import EvaluationList
from lp_recognition.tools import compare_models

needs_micro = pytest.mark.skipif(not micro.is_installed(), reason="tflite-micro (extra [mcu]) is not installed")


ALL_PASS = ("--bound", "100", "--other_bound", "100")


def crops_list() -> str:
    return str(folder() / "crops" / "list.txt")


def all_models() -> list[str]:
    names = ("graph.pb.frozen", "graph_uint8.tflite", "graph_int8.tflite")
    return [str(folder() / "model.ckpt-7.ckpt"), *(str(exported() / name) for name in names)]


# ---- Figures -----------------------------------------------------------------------------------------------------


def test_signal_to_noise_as_the_formula_says():
    signal = np.array([3.0, 4.0], np.float32)
    assert signal_to_noise(signal, signal + np.float32(0.5)) == pytest.approx(10 * np.log10(25 / 0.5))
    assert signal_to_noise(signal, signal) == float("inf")
    assert signal_to_noise(signal * 0, signal) == float("-inf")
    assert signal_to_noise(signal, signal * 0) == pytest.approx(0)  # all signal is noise


def test_the_first_layer_that_falls_apart_is_named():
    noise = [LayerNoise("a", 40.0), LayerNoise("b", 9.9), LayerNoise("c", 2.0)]
    assert "the first layer that falls apart is `b`: 9.9 dB" in noise_verdict(noise)
    assert "no layer falls apart; the lowest is `a`" in noise_verdict(noise[:1])


class KnownModels(RecognitionComparison):
    """Models whose texts are given: each writes its own with logits of its score.

    `made_by` says how each was made; where it says nothing, nothing is known.
    """

    def __init__(self, *texts: list[str], scores: list[float], made_by: list[str] | None = None) -> None:
        self.texts, self.scores, self.made_by = texts, scores, made_by or [""] * len(texts)

    def subject(self, reference, config, lists, most):
        count = len(self.texts[0])
        images, names = np.zeros((count, *CONFIG.input_shape), np.uint8), [f"{i}.png" for i in range(count)]
        return PlateSubject(EvaluationList(images, ["A1"] * count, names, []), CONFIG, most)

    def open(self, path, config) -> Opened:
        number, vocabulary = int(Path(path).stem), CONFIG.vocabulary()

        def predict(images):
            logits = np.zeros((len(images), 4, vocabulary.num_classes), np.float32)
            for row, text in zip(logits, self.texts[number], strict=True):
                row[:, vocabulary.blank_index] = 1
                for step, index in enumerate(vocabulary.encode(text)):
                    row[step] = 0
                    row[step, index] = self.scores[number]
            return logits

        return Opened(predict=predict, config=CONFIG, source=str(path), made_by=self.made_by[number])

    def compare(self) -> Comparison:
        return compare(self, [f"{number}.pb" for number in range(len(self.texts))], CONFIG, ["list.txt"])


def test_figures_of_known_readings():
    first = ["A1"] * 8 + ["A0", "B"]
    second = ["A1"] * 7 + ["A0", "A1", "B"]
    result = KnownModels(first, second, scores=[5.0, 7.0]).compare()
    one, two = result.models
    assert one.score is not None
    assert two.score is not None
    assert (one.score.value, two.score.value, len(one.score.right)) == (0.8, 0.8, 10)
    assert two.score.right == [True] * 7 + [False, True, False]
    assert two.different == [7, 8]
    assert two.largest_difference == 7.0  # a symbol here, none there
    # 16 symbols are 2 apart, and twice one symbol is 5 and another 7 apart, and the B; of 10 x 4 x 7 logits.
    assert two.mean_difference == pytest.approx((17 * 2 + 2 * 12) / (10 * 4 * 7))
    assert list(result.beyond(Bounds(0.19))) == ["1.pb"]
    assert result.beyond(Bounds(0.2)) == {}
    table = result.to_table(Bounds())
    assert "2 (20.0%)" in table
    assert "80.0%" in table
    page = comparison_page(result, Bounds())
    assert "Plates that are read differently: 2" in page
    assert page.count("data:image/png") == 2
    assert "http" not in page


AWARE, AFTER = "quantization-aware training", "quantization after training"


@pytest.mark.parametrize("made_by", [[AWARE, AWARE], ["float", "float"], ["", AWARE], [AFTER, ""], [AWARE, ""]])
def test_what_computes_the_same_numbers_reads_the_same(made_by):
    for different in (1, 2):
        texts = ["B0"] * different + ["A1"] * (20 - different)
        result = KnownModels(["A1"] * 20, texts, scores=[5.0, 5.0], made_by=made_by).compare()
        assert bool(result.beyond(Bounds(otherwise=0.05))) == (different > 1)
        assert "5.0% otherwise" in result.to_table(Bounds(otherwise=0.05))


@pytest.mark.parametrize(
    "made_by", [[AWARE, "float"], ["float", AWARE], [AWARE, AFTER], ["float", AFTER], [AFTER, AFTER]]
)
@pytest.mark.parametrize(
    ("lost", "won", "passes"),
    [
        (0, 0, True), (9, 9, True), (0, 9, True),  # no fewer right, whatever tips
        (4, 0, True),  # chance does that once in 16 times
        (5, 0, False),  # and that once in 32
        (9, 3, True), (10, 3, False),  # as bad or worse: 299 of 4096 ways (7.3%), 378 of 8192 (4.6%)
    ],
)  # fmt: skip
def test_what_computes_other_numbers_reads_no_fewer_right(made_by, lost, won, passes):
    first = ["A1"] * 20 + ["B0"] * 20
    second = ["B0"] * lost + ["A1"] * (20 - lost) + ["A1"] * won + ["B"] * (20 - won)  # wrong ones read otherwise
    result = KnownModels(first, second, scores=[5.0, 5.0], made_by=made_by).compare()
    assert (result.beyond(Bounds()) == {}) == passes
    assert "1.0% fewer right" in result.to_table(Bounds())
    assert result.beyond(Bounds(fewer_right=(lost - won) / 40)) == {}  # as much as is allowed
    if not passes:
        assert f"({lost} lost, {won} won)" in result.beyond(Bounds())["1.pb"]


def test_tflite_micro_has_to_read_what_the_reference_kernels_read():
    result = KnownModels(["A1"] * 50, ["A1"] * 50, scores=[5.0, 5.0], made_by=[AWARE, AWARE]).compare()
    result.models[1].twins["reference"] = 1
    [(name, problem)] = result.beyond(Bounds(1.0, 1.0)).items()
    assert name == "1.pb"
    assert "reference kernels on 1 of 50 plates" in problem


def test_layers_stand_in_one_table_with_a_column_for_each_file():
    noise = {"a": [LayerNoise("stem", 40.0), LayerNoise("head", 9.96)], "b": [LayerNoise("stem", 41.0)]}
    header, _, *rows = noise_table(noise).splitlines()
    assert header.split("|")[1:-1] == [" layer ", " a    ", " b    "]
    assert [row.replace(" ", "") for row in rows] == ["|stem|40.0|41.0|", "|head|10.0|-|"]


def test_the_table_of_layers_is_printed_once_however_many_files():
    result = KnownModels(["A1"], ["A1"], ["A1"], scores=[5.0] * 3).compare()
    noise = {name: (LayerNoise("stem", 40.0), LayerNoise("head", 20.0)) for name in ("1.pb", "2.pb")}
    text = dataclasses.replace(result, noise=noise).to_table(Bounds())
    assert [line.split()[1:6:2] for line in text.splitlines() if line.startswith("| layer ")] == [
        ["layer", "1.pb", "2.pb"]
    ]
    assert sum(line.startswith("| stem ") for line in text.splitlines()) == 1
    assert text.count("no layer falls apart; the lowest is `head`") == 2


def test_a_page_without_differences():
    result = KnownModels(["A1"] * 3, ["A1"] * 3, scores=[5.0, 5.0]).compare()
    assert result.models[1].largest_difference == 0
    assert "Every model reads what 0.pb reads" in comparison_page(result, Bounds())


# ---- All forms of one model --------------------------------------------------------------------------------------


def test_all_forms_of_a_model_stay_within_two_steps(tmp_path, capsys):
    page, record = tmp_path / "c.html", tmp_path / "c.json"
    arguments = [
        str(config_file()),
        "--list",
        crops_list(),
        "--models",
        *all_models(),
        "--bound",
        "100",
        "--other_bound",
        "100",
    ]
    assert compare_models.main([*arguments, "--layers", "--html", str(page), "--json", str(record)]) == 0
    values = json.loads(record.read_text())
    step = values["output_step"]
    assert values["plates"] == 24
    models = {model["name"]: model for model in values["models"]}
    expected = ["model.ckpt-7.ckpt", "graph.pb.frozen", "graph_uint8.tflite", "graph_int8.tflite"]
    if micro.is_installed():
        expected += ["graph_int8.tflite, reference kernels", "graph_int8.tflite, TFLite-Micro"]
    assert list(models) == expected
    for name in expected[1:]:
        exact = name in ("graph_uint8.tflite", "graph_int8.tflite")  # the checkpoint computes in whole numbers, too
        assert models[name]["largest_difference"] <= (0.01 if exact else 2.01) * step, name
    assert models["model.ckpt-7.ckpt"]["made_by"] == "quantization-aware training"
    # Every layer of the network is measured, and 8 bits leave between 15 and 60 dB of it.
    noise = values["noise_db"]["graph_int8.tflite"]
    assert next(iter(noise)) == "stem"
    assert {"block1_1_reduce", "context", "logits", "Squeeze"} <= set(noise)
    assert all(15 < decibels < 60 for decibels in noise.values())
    assert "no layer falls apart" in capsys.readouterr().out
    assert "Signal to quantization noise" in page.read_text()


@needs_micro
def test_tflite_micro_computes_what_litert_computes(capsys):
    """Bit for bit in the reference kernels; the default ones (XNNPACK) round otherwise."""
    result = compare(RecognitionComparison(), all_models()[3:], CONFIG, [crops_list()])
    reference, in_micro = result.models[1:]
    assert in_micro.readings == reference.readings
    assert in_micro.twins == {"default": in_micro.twins["default"], "reference": 0}
    assert (in_micro.largest_difference, in_micro.mean_difference) == (
        reference.largest_difference, reference.mean_difference,
    )  # fmt: skip
    assert 0 < in_micro.largest_difference <= 2.01 * result.output_step
    assert "reads otherwise than LiteRT's reference kernels with the same file on 0 of 24 plates" in result.to_table(
        Bounds()
    )


def test_a_layer_that_was_spoilt_is_named(tmp_path):
    """A file whose first convolution has lost its weights: the noise begins there."""
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated")
    flatbuffers = pytest.importorskip("flatbuffers")
    model = schema.ModelT.InitFromPackedBuf(Path(all_models()[3]).read_bytes(), 0)
    graph = model.subgraphs[0]
    operators = [model.operatorCodes[operator.opcodeIndex].builtinCode for operator in graph.operators]
    third_convolution = graph.operators[[i for i, code in enumerate(operators) if code == 3][2]]
    weights = model.buffers[graph.tensors[third_convolution.inputs[1]].buffer]
    weights.data = np.roll(np.array(weights.data), 5)
    builder = flatbuffers.Builder(1 << 16)
    builder.Finish(model.Pack(builder), b"TFL3")
    (tmp_path / "spoilt.tflite").write_bytes(builder.Output())
    models = [all_models()[0], all_models()[3], str(tmp_path / "spoilt.tflite")]
    result = compare(RecognitionComparison(), models, CONFIG, [crops_list()], noise_images=4, most=4)
    assert "no layer falls apart" in noise_verdict(result.noise["graph_int8.tflite"])
    assert "falls apart is `block1_1_vertical`" in noise_verdict(result.noise["spoilt.tflite"])


@pytest.mark.slow
def test_quantization_after_and_aware_of_training_stand_in_one_table(tmp_path, capsys):
    from lp_recognition.tools import quantize_after_training

    checkpoint = str(folder() / "model.ckpt-7.ckpt")
    arguments = [str(config_file()), "--checkpoint", checkpoint, "--list", crops_list()]
    assert quantize_after_training.main([*arguments, "--output", str(tmp_path / "ptq.tflite")]) == 0
    models = [checkpoint, str(exported() / "graph_int8.tflite"), str(tmp_path / "ptq.tflite")]
    compare_models.main([str(config_file()), "--list", crops_list(), "--models", *models, *ALL_PASS])
    output = capsys.readouterr().out
    assert "| quantization-aware training" in output
    assert "| quantization after training" in output


def test_a_model_that_reads_otherwise_gives_status_1(capsys):
    """A float file beside a float checkpoint of other weights: it promised the same numbers."""
    models = [str(folder() / "float.ckpt"), str(exported() / "graph_float.tflite")]
    status = compare_models.main([str(config_file()), "--list", crops_list(), "--models", *models])
    assert status == 1
    assert "FAILED: graph_float.tflite reads otherwise than float.ckpt on" in capsys.readouterr().out


def test_some_plates_are_spread_over_the_list():
    result = compare(RecognitionComparison(), all_models()[3:], CONFIG, [crops_list()], most=3)
    assert [Path(name).name for name in result.subject.names] == ["0.png", "11.png", "23.png"]


def test_noise_needs_a_checkpoint():
    result = compare(RecognitionComparison(), all_models()[3:], CONFIG, [crops_list()], noise_images=2)
    assert result.noise == {}
    assert any("add a checkpoint" in note for note in result.notes)


@needs_micro
def test_a_file_that_tflite_micro_refuses_is_noted():
    result = compare(RecognitionComparison(), [all_models()[2]], CONFIG, [crops_list()], most=2)
    assert len(result.models) == 1
    assert "TFLite-Micro does not run it" in result.notes[0]


def test_mistakes_are_told(tmp_path):
    with pytest.raises(ModelError, match=r"none\.tflite"):
        compare_models.main([str(config_file()), "--list", crops_list(), "--models", "none.tflite"])
    with pytest.raises(UserError, match=r"no\.txt: expected a list"):
        compare_models.main([str(config_file()), "--list", "no.txt", "--models", all_models()[3]])
    with pytest.raises(UserError, match="--plates: expected at least 1"):
        compare_models.main([str(config_file()), "--list", "x", "--models", "x", "--plates", "0"])
    with pytest.raises(UserError, match="alphabet: expected 京沪AB01, received XYZ"):
        compare_models.main([str(config_file()), "alphabet=XYZ", "--list", crops_list(), "--models", all_models()[3]])


def test_help_is_quick():
    result = run_python("-m", "utils.compare_models", "--help", timeout=10)
    assert result.returncode == 0
    assert "example" in result.stdout


@pytest.mark.skipif(not (REAL_CROPS / "cn_easypr").is_dir(), reason=f"no real crops in {REAL_CROPS}")
def test_real_crops_are_within_two_steps():
    crops = str(REAL_CROPS / "cn_easypr" / "annotation.txt")
    result = compare(RecognitionComparison(), all_models(), CONFIG, [crops], most=40)
    for model in result.models[1:]:
        assert model.largest_difference <= 2.01 * result.output_step, model.name


def test_what_explains_a_difference_is_not_judged():
    result = KnownModels(["A1"] * 20, ["B0"] * 20, scores=[5.0, 5.0]).compare()
    assert list(result.beyond(Bounds())) == ["1.pb"]
    result.models[1].is_explanation = True
    assert result.beyond(Bounds()) == {}


def test_outputs_beyond_two_steps_are_counted():
    subject = KnownModels(["A1"] * 3, scores=[5.0]).subject(CONFIG, CONFIG, [], None)
    shape = (3, 4, CONFIG.vocabulary().num_classes)
    outputs = np.zeros(shape, np.float32)
    outputs[0, 0, :4] = (0.5, 1.0, 1.5, -2.0)  # one, two, three and four steps of a half
    first, second = ModelResult("a", "", 0.5), ModelResult("b", "", 0.5)
    run_forms([(first, lambda images: np.zeros(shape, np.float32)), (second, lambda images: outputs)], subject, None)
    assert second.beyond_two_steps == pytest.approx(2 / np.prod(shape))
    assert second.largest_difference == 2.0
    assert second.mean_difference == pytest.approx(5 / np.prod(shape))
    assert (first.beyond_two_steps, first.largest_difference) == (0.0, 0.0)

"""The seam of the deployment rooms: a task that reads no plates is exported, described, reported and compared, too."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml
from color_task import COLORS, ColorComparison, ColorConfig, ColorExport, ColorMeaning, ColorTask, config_of, patches

from lp_recognition.deployment.comparison import Bounds, compare
from lp_recognition.deployment.comparison_page import comparison_page
from lp_recognition.deployment.layers import model_bytes, read_network
from lp_recognition.deployment.report import report_config, report_file
from lp_recognition.deployment.targets import load_targets
from lp_recognition.export.after_training import quantize_checkpoint
from lp_recognition.export.exporting import export_checkpoint
from lp_recognition.model_files.description import DESCRIPTION_FILE, read_description
from lp_recognition.model_files.interpreter import image_predictor, open_interpreter
from lp_recognition.reading.recognizer import Recognizer
from lp_recognition.system.errors import ModelError
from lp_recognition.training.loop import train

PACKAGE = Path(__file__).resolve().parent.parent.parent / "lp_recognition"
#: What only the files of the task that reads plates may speak of.
OF_RECOGNITION = re.compile(r"\bCTC\b|\bctc_|lp-rr|lp_rr|vocabular|alphabet|blank", re.IGNORECASE)
#: The rooms on this side of the seam; `networks` and `training` hold more than one network's parts.
ROOMS = ("export", "deployment")


@pytest.fixture(scope="module")
def trained(shared) -> Path:
    """The folder of a training, 20 steps in float and 20 in 8 bits, and its files in `out`."""

    def make(folder: Path) -> None:
        config = config_of(folder)
        train(config, ColorTask.prepare)
        export_checkpoint(
            ColorExport(), folder / "model.ckpt-40.ckpt", config, folder / "out",
            kinds=["uint8", "int8", "float", "float16"], lists=["7"],
        )  # fmt: skip

    return shared("colors", make)


def files(trained: Path) -> list[str]:
    out = trained / "out"
    names = ("graph.pb.frozen", "graph_uint8.tflite", "graph_int8.tflite", "graph_float.tflite")
    return [str(trained / "model.ckpt-40.ckpt"), *(str(out / name) for name in names)]


def test_generic_modules_know_nothing_of_reading_plates():
    modules = [path for room in ROOMS for path in (PACKAGE / room).glob("*.py")]
    modules += [PACKAGE / "model_files" / name for name in ("description.py", "meaning.py", "interpreter.py")]
    modules.append(PACKAGE / "networks" / "restoring.py")
    generic = [path for path in modules if not path.stem.startswith("recognition")]
    assert len(generic) > 15
    for path in generic:
        text = path.read_text(encoding="utf-8")
        found = OF_RECOGNITION.findall(text) + re.findall(r"lprnet", text, re.IGNORECASE)
        assert not found, f"{path.name}: {found}"
    assert OF_RECOGNITION.findall((PACKAGE / "export" / "recognition.py").read_text(encoding="utf-8"))


@pytest.mark.parametrize("kind", ["uint8", "int8", "float", "float16"])
def test_a_file_tells_colours_and_says_so(trained, kind):
    path = trained / "out" / f"graph_{kind}.tflite"
    described = read_description(path, [ColorMeaning()])
    assert described is not None
    assert (described.meaning.name, described.kind, described.step) == ("colors", kind, 40)
    assert described.config.colors == tuple(COLORS)
    assert described.measurement is not None
    assert described.measurement.to_values() == {"right": 1.0, "patches": 50}
    assert described.summary.endswith("40 steps; 100.0% of 50 colours")
    images, labels = patches(described.config, 3, 30)
    model = open_interpreter(path)
    assert model.outputs[0].shape == (1, 3)
    assert (image_predictor(model, described.preprocessing)(images).argmax(axis=1) == labels).all()
    with zipfile.ZipFile(path) as archive:
        assert archive.read("labels.txt").decode().split() == list(COLORS)
        values = yaml.safe_load(archive.read(DESCRIPTION_FILE))
    assert (values["task"], values["colors"], values["input"]["std_dev_value"]) == ("colors", list(COLORS), 255)


def test_who_reads_plates_refuses_it_by_the_name_of_its_task(trained):
    expected = r"graph_int8\.tflite: expected a model for recognition, received one for colors"
    with pytest.raises(ModelError, match=expected):
        Recognizer(trained / "out" / "graph_int8.tflite")


def test_all_its_forms_are_compared(trained):
    result = compare(ColorComparison(), files(trained), ColorConfig(), ["5"], noise_images=4)
    assert result.beyond(Bounds(0.0, 0.0)) == {}
    checkpoint, graph, uint8, int8, *_ = result.models
    assert [model.arithmetic for model in (checkpoint, graph, uint8, int8)] == ["8 bits"] * 4
    assert result.models[-1].name == "graph_float.tflite, TFLite-Micro" or len(result.models) == 5
    assert uint8.largest_difference <= 1.01 * result.output_step
    assert int8.largest_difference == uint8.largest_difference
    assert all(model.score is not None and model.score.value == 1.0 for model in result.models)
    assert [layer.name for layer in result.noise["graph_int8.tflite"]][:2] == ["conv", "pool"]
    assert "| accuracy " in result.to_table(Bounds())
    assert "50 patches" in comparison_page(result, Bounds())


def test_it_is_reported_before_and_after_its_training(trained):
    targets = [load_targets()["gap8"], load_targets()["tflite-micro"]]
    path = str(trained / "out" / "graph_int8.tflite")
    after = report_file(path, targets, [ColorMeaning()])
    assert after.note == "int8, quantization-aware training, 40 steps; 100.0% of 50 colours"
    before = report_config(ColorExport(), config_of(trained).with_values(colors=tuple(COLORS)), "x", targets[1:])
    assert before.network.macs == after.network.macs == 8 * 8 * 8 * 27 + 8 * 3
    assert [layer.name for layer in before.network.layers] == [layer.name for layer in after.network.layers]
    assert all(verdict.passed or not verdict.is_complete for verdict in (*before.verdicts, *after.verdicts))
    assert before.network.file_bytes == pytest.approx(len(model_bytes(Path(path).read_bytes())), abs=1200)


def test_it_is_quantized_after_its_training(trained, tmp_path):
    output = tmp_path / "x.tflite"
    config = config_of(trained)
    assert quantize_checkpoint(ColorExport(), trained / "model.ckpt-20.ckpt", config, ["9"], output, images=12) == 12
    described = read_description(output, [ColorMeaning()])
    assert described is not None
    assert described.made_by == "quantization after training"
    assert read_network(output.read_bytes(), "x").inputs[0].dtype == "INT8"
    images, labels = patches(described.config, 3, 30)
    predict = image_predictor(open_interpreter(output), described.preprocessing)
    assert np.mean(predict(images).argmax(axis=1) == labels) > 0.9

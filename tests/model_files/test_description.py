"""Files describe themselves: what is written is read back, by us and as TFLite's metadata; a config must agree."""

from __future__ import annotations

import dataclasses
import struct
import zipfile

import pytest
import yaml
from deployed_models import CONFIG, ROOT, config_file, exported, folder
from hypothesis import given
from hypothesis import strategies as st
from tiny_models import run_python
from tiny_tflite import tiny_tflite

from lp_recognition.model_files import description, detection
from lp_recognition.model_files.description import (
    DESCRIPTION_FILE,
    ModelDescription,
    config_sha256,
)
from lp_recognition.model_files.detection import DETECTION
from lp_recognition.model_files.recognition import (
    RECOGNITION,
    Measurement,
    measurement_of,
    read_description,
    scaling_of,
)
from lp_recognition.reading.recognizer import Recognizer
from lp_recognition.settings.detection import DetectionConfig
from lp_recognition.settings.loading import dump_settings
from lp_recognition.settings.recognition import RecognitionConfig, load_config
from lp_recognition.system.errors import ConfigError, ModelError
from lp_recognition.tools.models import open_model

DESCRIPTION = ModelDescription(
    RECOGNITION, CONFIG, "int8", "float", 12, "ab" * 32, Measurement(0.5, (0.25, 0.75), 8, "this file", "list.txt")
)


def parse(text: str, source: str) -> ModelDescription[RecognitionConfig]:
    return description.parse_description(text, source, [RECOGNITION])


@pytest.mark.parametrize(
    "described",
    [
        DESCRIPTION,
        dataclasses.replace(DESCRIPTION, measurement=None),
        dataclasses.replace(DESCRIPTION, measurement=Measurement(1.0, None, None, "the checkpoint, in training", "x")),
        dataclasses.replace(
            DESCRIPTION, config=RecognitionConfig(alphabet=("<Beijing>", "A", "0", "O"), use_oi_concat=True)
        ),
        dataclasses.replace(DESCRIPTION, config=RecognitionConfig(alphabet="NOYnul012:#'\"", input_shape=(24, 94, 1))),
    ],
)
def test_what_is_written_is_read(described):
    assert parse(described.to_yaml(), "x") == described


@given(st.text(st.characters(exclude_categories=["Cs", "Z", "Cc", "Cf", "Cn"], exclude_characters="<>"), min_size=1))
def test_any_alphabet_survives(alphabet):
    config = RecognitionConfig(alphabet=tuple(dict.fromkeys(alphabet)))
    described = dataclasses.replace(DESCRIPTION, config=config)
    assert parse(described.to_yaml(), "x").config == config


def test_the_yaml_says_what_a_stranger_needs():
    config = RecognitionConfig(
        alphabet="京沪A0O", use_h_concat=True, use_oi_concat=True, convert_to_gray=True, symmetric_range=False,
        lpr_patterns=("A+",),
    )  # fmt: skip
    values = yaml.safe_load(dataclasses.replace(DESCRIPTION, config=config).to_yaml())
    assert values["classes"] == ["<H>", "A", "0", "<blank>"]
    assert values["blank_index"] == 3
    assert values["input"] == {
        "size": {"height": 24, "width": 94, "channels": 3}, "color_order": "BGR", "gray": True,
        "value_range": [0.0, 1.0], "mean_value": 0, "std_dev_value": 255,
    }  # fmt: skip
    assert values["patterns"] == ["A+"]
    assert values["decoder"].startswith("CTC best path")
    assert values["measured"]["lp_rr"] == 0.5


def test_every_exported_file_describes_itself():
    for kind, made_by in (("uint8", "quantization-aware training"), ("int8", "quantization-aware training"),
                          ("float", "float")):  # fmt: skip
        path = exported() / f"graph_{kind}.tflite"
        found = read_description(path)
        assert found is not None
        assert (found.kind, found.made_by, found.step) == (kind, made_by, 7)
        assert found.config.alphabet == CONFIG.alphabet
        assert found.config.lpr_patterns == CONFIG.lpr_patterns
        assert found.config_sha256 == config_sha256(load_config(config_file()))
        assert isinstance(found.measurement, Measurement)
        assert (found.measurement.plates, found.measurement.of) == (24, "this file")
        assert path.with_suffix(".yaml").read_text(encoding="utf-8") == found.to_yaml()
    graph = open_model(exported() / "graph.pb.frozen")
    assert graph.config.alphabet == CONFIG.alphabet
    assert parse((exported() / "graph.yaml").read_text(), "graph").kind == "graph"


def test_the_hash_is_that_of_the_recorded_config():
    import hashlib

    recorded = exported() / "config.yaml"
    assert recorded.read_text() == dump_settings(load_config(recorded))
    assert config_sha256(load_config(recorded)) == hashlib.sha256(recorded.read_bytes()).hexdigest()


def test_other_tools_find_labels_and_description_in_the_archive():
    with zipfile.ZipFile(exported() / "graph_int8.tflite") as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["labels.txt", DESCRIPTION_FILE]
        assert archive.read("labels.txt").decode().split() == [*"京沪AB01", "<blank>"]


class Table:
    """Reads a flatbuffer by field numbers, as its specification says; written apart from what writes it."""

    def __init__(self, data: bytes, position: int) -> None:
        self.data, self.position = data, position

    def field(self, number: int) -> int | None:
        fields = self.position - struct.unpack_from("<i", self.data, self.position)[0]
        size = struct.unpack_from("<H", self.data, fields)[0]
        offset = struct.unpack_from("<H", self.data, fields + 4 + 2 * number)[0] if 4 + 2 * number < size else 0
        return self.position + offset if offset else None

    def number(self, number: int, form: str) -> int | float:
        place = self.field(number)
        return 0 if place is None else struct.unpack_from(form, self.data, place)[0]

    def follow(self, number: int) -> int:
        place = self.field(number)
        assert place is not None, f"field {number} is not set"
        return place + struct.unpack_from("<I", self.data, place)[0]

    def table(self, number: int) -> Table:
        return Table(self.data, self.follow(number))

    def vector(self, number: int) -> list[Table]:
        start = self.follow(number)
        count = struct.unpack_from("<I", self.data, start)[0]
        places = [start + 4 + 4 * i for i in range(count)]
        return [Table(self.data, place + struct.unpack_from("<I", self.data, place)[0]) for place in places]

    def floats(self, number: int) -> list[float]:
        start = self.follow(number)
        return list(struct.unpack_from(f"<{struct.unpack_from('<I', self.data, start)[0]}f", self.data, start + 4))

    def text(self, number: int) -> str:
        start = self.follow(number)
        return self.data[start + 4 : start + 4 + struct.unpack_from("<I", self.data, start)[0]].decode()


def test_the_standard_metadata_says_the_same():
    from lp_recognition.export.model_metadata import model_metadata

    data = model_metadata(DESCRIPTION)
    assert data[4:8] == b"M001"
    model = Table(data, struct.unpack_from("<I", data)[0])
    assert model.text(0) == "LPRNet"
    assert [file.text(0) for file in model.vector(6)] == [DESCRIPTION_FILE]
    [graph] = model.vector(3)
    [taken], [given] = graph.vector(2), graph.vector(3)
    assert (taken.text(0), given.text(0)) == ("image", "logits")
    content = taken.table(3)
    assert content.number(0, "<B") == 2  # ImageProperties
    size = content.table(1).table(1)
    assert (size.number(0, "<I"), size.number(1, "<I")) == (94, 24)
    [unit] = taken.vector(4)
    assert unit.number(0, "<B") == 1  # NormalizationOptions
    assert (unit.table(1).floats(0), unit.table(1).floats(1)) == ([128.0], [127.0])
    assert taken.table(5).floats(0) == [1.0]
    assert taken.table(5).floats(1) == pytest.approx([-128 / 127])
    assert [file.text(0) for file in given.vector(6)] == ["labels.txt"]
    assert given.vector(6)[0].number(2, "<b") == 2  # TENSOR_AXIS_LABELS
    assert "blank is class 6" in given.text(1)


def test_the_metadata_stands_in_the_model_under_its_name():
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated")
    model = schema.ModelT.InitFromPackedBuf((exported() / "graph_int8.tflite").read_bytes(), 0)
    [buffer] = [entry.buffer for entry in model.metadata if entry.name == b"TFLITE_METADATA"]
    assert bytes(model.buffers[buffer].data)[4:8] == b"M001"


def test_a_single_image_is_read_without_config(capsys):
    import infer_frozen_graph_single_image
    import infer_tflite_single_image

    image = str(folder() / "crops" / "0.png")
    assert infer_tflite_single_image.main([str(exported() / "graph_int8.tflite"), image]) == 0
    bare = capsys.readouterr().out
    assert infer_tflite_single_image.main(
        [str(exported() / "graph_int8.tflite"), image, "--config", str(config_file())]
    ) == 0  # fmt: skip
    assert capsys.readouterr().out == bare
    assert infer_frozen_graph_single_image.main([str(exported() / "graph.pb.frozen"), image]) == 0
    assert capsys.readouterr().out


def test_reading_the_description_needs_the_light_install_alone():
    code = (
        "import sys; from lp_recognition import Recognizer; "
        f"print(Recognizer({str(exported() / 'graph_int8.tflite')!r}).config.alphabet); "
        "print({'tensorflow', 'keras', 'flatbuffers'} & set(sys.modules) - {'flatbuffers'})"
    )
    result = run_python("-c", code, timeout=60)
    assert result.stdout.splitlines() == [str(CONFIG.alphabet), "set()"], result.stderr


@pytest.mark.parametrize(
    ("name", "changes", "setting"),
    [
        ("graph_int8.tflite", {"alphabet": "京沪ABO1"}, "alphabet: expected 京沪AB01, received 京沪ABO1"),
        ("graph_uint8.tflite", {"symmetric_range": False}, "symmetric_range: expected True, received False"),
        ("graph_float.tflite", {"convert_to_gray": True}, "convert_to_gray: expected False, received True"),
        ("graph.pb.frozen", {"use_oi_concat": True}, "use_oi_concat: expected False, received True"),
    ],
)
def test_a_config_that_disagrees_is_refused_by_name(name, changes, setting):
    with pytest.raises(ConfigError, match=rf"{name}: was made with other settings of the model: {setting}"):
        open_model(exported() / name, CONFIG.with_values(**changes))


def test_patterns_and_evaluation_are_the_users_own():
    config = CONFIG.with_values(alphabet=None, lpr_patterns=("X",), model_dir="elsewhere")
    opened = open_model(exported() / "graph_int8.tflite", config)
    assert opened.config.lpr_patterns == ("X",)
    assert opened.config.alphabet == CONFIG.alphabet


def test_a_file_without_description_asks_for_a_config(tmp_path):
    (tmp_path / "x.tflite").write_bytes(tiny_tflite())
    assert read_description(tmp_path / "x.tflite") is None
    with pytest.raises(ConfigError, match=r"x\.tflite: carries no description .*--config.*--tflite"):
        Recognizer(tmp_path / "x.tflite")


def test_a_graph_without_description_asks_for_a_config(tmp_path):
    from lp_recognition.export.frozen_graph import load_graph, save_graph

    graph_def = load_graph(exported() / "graph.pb.frozen")
    [node] = [node for node in graph_def.node if node.name == "lp_recognition"]
    graph_def.node.remove(node)
    save_graph(graph_def, tmp_path / "bare.pb")
    with pytest.raises(ConfigError, match=r"bare\.pb: carries no description"):
        open_model(tmp_path / "bare.pb")
    assert open_model(tmp_path / "bare.pb", CONFIG).config == CONFIG


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lp_recognition: 2", "expected a description of format 1, received 2"),
        ("[", "received a broken one"),
        ("lp_recognition: 1", "received a broken one .*settings"),
        ("just text", "received a broken one"),
        ("!!python/object/apply:os.system [ls]", "received a broken one"),
    ],
)
def test_a_broken_description_is_told(tmp_path, text, message):
    path = tmp_path / "x.tflite"
    path.write_bytes(tiny_tflite())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(DESCRIPTION_FILE, text)
    with pytest.raises(ModelError, match=rf"x\.tflite: .*{message}"):
        Recognizer(path)


def test_a_giant_description_is_not_unpacked(tmp_path):
    path = tmp_path / "x.tflite"
    path.write_bytes(tiny_tflite())
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(DESCRIPTION_FILE, b" " * 5_000_000)
    with pytest.raises(ModelError, match="at most 1000000 bytes"):
        read_description(path)


def test_a_missing_or_cut_file_is_told(tmp_path):
    with pytest.raises(ModelError, match=r"none\.tflite: expected a \.tflite file"):
        Recognizer(tmp_path / "none.tflite")
    whole = (exported() / "graph_int8.tflite").read_bytes()
    (tmp_path / "cut.tflite").write_bytes(whole[: len(whole) // 2])
    for config in (None, CONFIG):
        with pytest.raises(ModelError, match="cut off or broken"):
            Recognizer(tmp_path / "cut.tflite", config=config)


def test_a_description_of_the_time_before_tasks_had_names_reads_plates():
    values = yaml.safe_load(DESCRIPTION.to_yaml())
    assert values.pop("task") == "recognition"
    assert parse(yaml.safe_dump(values, allow_unicode=True), "x") == DESCRIPTION


@pytest.mark.parametrize("path", sorted((ROOT / "pretrained").glob("lprnet*/*.tflite")), ids=lambda path: path.name)
def test_shipped_readers_describe_themselves(path):
    found = read_description(path)
    assert found is not None
    assert found.meaning is RECOGNITION
    assert path.stem.endswith(f"_{found.kind}")
    assert measurement_of(found) is not None
    assert scaling_of(found) is not None


@pytest.mark.parametrize("path", sorted((ROOT / "pretrained").glob("lpdnet*/*.tflite")), ids=lambda path: path.name)
def test_shipped_detectors_describe_themselves(path):
    found = detection.read_description(path)
    assert found is not None
    assert found.meaning is DETECTION
    assert path.stem.endswith(f"_{found.kind}")
    assert detection.measurement_of(found) is not None


def test_another_task_is_refused_by_name():
    values = yaml.safe_load(DESCRIPTION.to_yaml()) | {"task": "weather"}
    with pytest.raises(ModelError, match="x: expected a model for recognition, received one for weather"):
        parse(yaml.safe_dump(values, allow_unicode=True), "x")


def test_a_detectors_file_holds_its_thresholds_and_none_of_its_owners_paths():
    config = DetectionConfig.model_validate({"infer": {"score_threshold": 0.3, "file_list_path": "mine/photos.txt"}})
    text = ModelDescription(DETECTION, config, "int8", "float", 1, "0" * 64).to_yaml()
    assert yaml.safe_load(text)["settings"]["infer"] == {"score_threshold": 0.3, "iou_threshold": 0.4}
    read = description.parse_description(text, "x", [DETECTION]).config
    assert (read.infer.score_threshold, read.infer.file_list_path) == (0.3, ())


def test_what_is_known_is_said_in_a_line():
    assert DESCRIPTION.summary == "int8, float, 12 steps; LP-RR 50.0% (this file, on list.txt)"
    assert dataclasses.replace(DESCRIPTION, measurement=None).summary == "int8, float, 12 steps"


@pytest.mark.parametrize(
    ("settings", "colors", "text"),
    [
        ({"input_shape": (24, 94, 1)}, 2, "A plate crop, resized to 94x24, gray."),
        ({"convert_to_gray": True}, 0, "A plate crop, resized to 94x24, BGR, three times gray."),
        ({}, 0, "A plate crop, resized to 94x24, BGR."),
    ],
)
def test_the_standard_metadata_says_what_colours_go_in(settings, colors, text):
    from lp_recognition.export.model_metadata import model_metadata

    config = RecognitionConfig(alphabet="AB", **settings)
    data = model_metadata(dataclasses.replace(DESCRIPTION, config=config))
    [taken] = Table(data, struct.unpack_from("<I", data)[0]).vector(3)[0].vector(2)
    assert taken.table(3).table(1).number(0, "<b") == colors
    assert taken.text(1) == text


def test_a_description_whose_settings_do_not_say_what_comes_out_is_refused():
    values = yaml.safe_load(DESCRIPTION.to_yaml())
    values["settings"]["alphabet"] = None
    with pytest.raises(ConfigError, match="alphabet: expected at least one character, received none"):
        parse(yaml.safe_dump(values, allow_unicode=True), "x")

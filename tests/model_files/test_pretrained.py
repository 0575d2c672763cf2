"""Shipped models: found by name, read with from the command line, measured in one table, and each folder whole."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from tiny_models import ROOT, run_python
from tiny_photographs import tiny_detector
from tiny_plates import CONFIG, plate
from tiny_tflite import tiny_tflite

import eval_lpd
import eval_lpr
import infer_tflite_single_image
from benchmarks import recognition, tradeoff_chart
from benchmarks.peers import PEERS_FILE, labels_sha256, load_peers
from lp_recognition import Recognizer
from lp_recognition.deployment.micro import is_installed
from lp_recognition.evaluation.detector_opening import open_detector
from lp_recognition.evaluation.metrics import wilson_interval
from lp_recognition.evaluation.recognizer_opening import open_model
from lp_recognition.images.image import read_image, write_image
from lp_recognition.lists.annotations import list_name, write_annotations
from lp_recognition.model_files import pretrained
from lp_recognition.model_files.checkpoints import load_checkpoint
from lp_recognition.model_files.description import ModelDescription
from lp_recognition.model_files.recognition import RECOGNITION, Measurement, read_description
from lp_recognition.plates import Degradations, PlateGenerator
from lp_recognition.plates.scenes import SceneGenerator
from lp_recognition.reading.closer_look import look_closer
from lp_recognition.reading.detector import Detector
from lp_recognition.settings import detection
from lp_recognition.settings.detection import DetectionConfig
from lp_recognition.settings.loading import refuse_other_model, save_settings
from lp_recognition.settings.recognition import RecognitionConfig, load_config
from lp_recognition.system.errors import ConfigError, ModelError, UserError
from lp_recognition.tools import compare_models, deployment_report, export_c, list_models, read

TEXTS = ("京A_BC_", "A_A_AA", "京_B_A_", "C_____")
LABELS = ("京ABC", "AAA", "京BA", "B")  # the last one is wrong, so that not all is right
#: The share of drawn plates that a shipped model has to read; nothing spoils them.
BOUND = 0.8
FOLDERS = sorted(folder for folder in (ROOT / "pretrained").iterdir() if folder.is_dir())
READERS = [folder for folder in FOLDERS if folder.name.startswith("lprnet")]
DETECTORS = [folder for folder in FOLDERS if folder.name.startswith("lpdnet")]
#: The share of large drawn plates that a shipped detector has to find, and how far its corners may be off, as the
#: median over the plate's height.
FOUND, APART = 0.8, 0.25


@pytest.fixture(scope="session")
def described(tmp_path_factory) -> dict[str, bytes]:
    """The tiny network as int8 and uint8 files that describe themselves."""
    from lp_recognition.export.tflite import describe_tflite

    measured = Measurement(0.75, (0.30, 0.954), 4, "this file", "drawn.txt")
    described = ModelDescription(RECOGNITION, CONFIG, "int8", "float", 5, "0" * 64, measured)
    return {
        kind: describe_tflite(tiny_tflite(kind), dataclasses.replace(described, kind=kind))
        for kind in ("int8", "uint8")
    }


@pytest.fixture
def shipped(described, tmp_path, monkeypatch) -> Path:
    """A place that ships `tiny_cn` and, as int8 alone, `tiny_two`; the current folder is an empty one."""
    place = tmp_path / "pretrained"
    for name, kinds in (("tiny_cn", ("int8", "uint8")), ("tiny_two", ("int8",))):
        (place / name).mkdir(parents=True)
        for kind in kinds:
            (place / name / f"{name}_{kind}.tflite").write_bytes(described[kind])
    save_settings(CONFIG, place / "tiny_cn" / "config.yaml")
    (place / "README.md").write_text("no model")
    monkeypatch.setattr(pretrained, "_PLACES", (tmp_path / "none", place))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return place


@pytest.fixture(scope="session")
def pictures(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("drawn")
    for number, text in enumerate(TEXTS):
        write_image(folder / f"{number}.png", plate(text))
    write_annotations(folder / "drawn.txt", [(f"{number}.png", label) for number, label in enumerate(LABELS)])
    write_annotations(folder / "other.txt", [("0.png", "XYZ")])
    return folder


# ---- Names ---------------------------------------------------------------------------------------------------------


def test_a_model_that_is_named_is_found_without_reading_what_others_say_of_themselves(monkeypatch):
    monkeypatch.setattr("lp_recognition.model_files.description.task_of", lambda path: pytest.fail(f"read {path}"))
    assert pretrained.find_model("lprnet_mcu_cn").name == "lprnet_mcu_cn_int8.tflite"
    assert pretrained.find_model("lpdnet_nano_uint8").name == "lpdnet_nano_uint8.tflite"


def test_a_name_stands_for_the_int8_file(shipped):
    assert list(pretrained.shipped_models()) == ["tiny_cn", "tiny_cn_uint8", "tiny_two"]
    assert pretrained.find_model("tiny_cn") == shipped / "tiny_cn" / "tiny_cn_int8.tflite"
    assert pretrained.find_model("tiny_cn_int8") == pretrained.find_model("tiny_cn")
    assert pretrained.find_model("tiny_cn_uint8") == shipped / "tiny_cn" / "tiny_cn_uint8.tflite"
    assert Recognizer("tiny_cn").ends[0].dtype == np.int8
    assert Recognizer("tiny_cn_uint8").ends[0].dtype == np.uint8
    assert Recognizer("tiny_cn").read(plate("京A_BC_")).text == "京ABC"


@pytest.mark.parametrize("name", ["tiny_cm", "tiny_two_uint8"])
def test_an_unknown_name_lists_what_there_is(shipped, name):
    expected = (
        rf"{name}: expected a file or the name .*shipped are tiny_cn, tiny_cn_uint8, tiny_two\. Did you mean `tiny_"
    )
    with pytest.raises(ModelError, match=expected):
        Recognizer(name)


def test_an_unknown_name_lists_models_of_the_task_that_it_is_asked_for(shipped):
    (shipped / "tiny_finder").mkdir()
    (shipped / "tiny_finder" / "tiny_finder_int8.tflite").write_bytes(tiny_detector())
    for open_it in (Detector, open_detector, lambda name: eval_lpd.main([name])):
        with pytest.raises(ModelError, match=r"shipped are tiny_finder\. Did you mean `tiny_finder`\?$"):
            open_it("tiny_finde")
    for open_it in (Recognizer, open_model, lambda name: eval_lpr.main([name])):
        with pytest.raises(ModelError, match=r"shipped are tiny_cn, tiny_cn_uint8, tiny_two\. Did you mean `tiny_two`"):
            open_it("tiny_tow")
        with pytest.raises(ModelError, match=r"shipped are tiny_cn, tiny_cn_uint8, tiny_two\.$"):
            open_it("zzz")


def test_without_any_shipped_model_it_says_so(shipped, monkeypatch, pictures):
    monkeypatch.setattr(pretrained, "_PLACES", ())
    with pytest.raises(ModelError, match=r"lprnet_mcu_cn: expected .*this copy ships none"):
        read.main([str(pictures / "0.png")])
    with pytest.raises(UserError, match="received none: this copy ships no model"):
        read.main(["--list"])
    with pytest.raises(UserError, match="expected a model to measure, received none"):
        recognition.main(["--list", str(pictures / "drawn.txt")])


def test_a_file_wins_over_a_name(shipped):
    Path("tiny_cn").write_bytes(tiny_tflite("float32"))
    assert pretrained.find_model("tiny_cn") == Path("tiny_cn")
    assert Recognizer("tiny_cn", config=CONFIG).ends[0].dtype == np.float32


def test_paths_stay_what_they_are(shipped):
    for path in ("none.tflite", "folder/tiny_cn", "./x.pb", Path("folder") / "y"):
        assert pretrained.find_model(path) == Path(path)
    with pytest.raises(ModelError, match=r"none\.tflite: expected a \.tflite file, received an error: No such file"):
        Recognizer("none.tflite")
    Path("tiny_cn").mkdir()  # a folder of that name is no file
    assert Recognizer("tiny_cn").ends[0].dtype == np.int8


def test_the_other_scripts_take_names(shipped, pictures, tmp_path, capsys):
    assert infer_tflite_single_image.main(["tiny_cn_uint8", str(pictures / "0.png")]) == 0
    assert capsys.readouterr().out.startswith("京ABC ")
    assert deployment_report.main(["tiny_cn_uint8", "--target", "stm32h7"]) in (0, 1)
    assert "tiny_cn_uint8.tflite (uint8, float, 5 steps" in capsys.readouterr().out
    assert export_c.main(["tiny_cn", "--output", str(tmp_path / "firmware")]) == 0
    assert "tiny_cn_int8.tflite" in (tmp_path / "firmware" / "README.md").read_text(encoding="utf-8")
    config, listed = str(shipped / "tiny_cn" / "config.yaml"), str(pictures / "drawn.txt")
    compared = ["--list", listed, "--models", "tiny_cn", "tiny_cn_uint8", "--bound", "100"]
    assert compare_models.main([config, *compared]) == 0
    assert "tiny_cn_uint8.tflite" in capsys.readouterr().out
    assert eval_lpr.main([config, f"eval.file_list_path={listed}", "--model", "tiny_cn"]) == 0
    assert "75.0% (3 right" in capsys.readouterr().out
    assert len(list(Path("out", "eval").glob("tiny_cn_int8-*/eval.json"))) == 1
    assert not list(shipped.rglob("eval.*"))


def test_the_name_of_a_shipped_model_stands_for_its_config_and_itself(shipped, pictures, capsys):
    listed = f"eval.file_list_path={pictures / 'drawn.txt'}"
    assert eval_lpr.main(["tiny_cn", listed, "eval.output_dir=results"]) == 0
    assert capsys.readouterr().out.startswith("model: tiny_cn\n")
    assert json.loads(Path("results/eval.json").read_text(encoding="utf-8"))["right"] == 3
    assert eval_lpr.main(["tiny_cn", listed, "--model", "tiny_cn_uint8"]) == 0
    assert capsys.readouterr().out.startswith("model: tiny_cn_uint8\n")
    with pytest.raises(ConfigError, match=r"command line: unknown key `eval\.bem_width`"):
        eval_lpr.main(["tiny_cn", "eval.bem_width=3"])
    with pytest.raises(ModelError, match=r"^tiny_zn: expected a config or the name .*; shipped are .*`tiny_cn`\?$"):
        eval_lpr.main(["tiny_zn"])


# ---- utils.read ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("more", [[], ["--beam_width", "3"], ["--model", "tiny_cn_uint8"]])
def test_read_prints_a_line_an_image(shipped, pictures, capsys, more):
    paths = [str(pictures / f"{number}.png") for number in range(3)]
    assert read.main([*paths, "--model", "tiny_cn", *more]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.rsplit(" ", 1)[0] for line in lines] == [
        f"{path} {text}" for path, text in zip(paths, ("京ABC", "AAA", "京BA"), strict=True)
    ]
    assert all(0.9 < float(line.rsplit(" ", 1)[1]) <= 1 for line in lines)


def test_read_goes_on_after_an_image_it_cannot_read(shipped, pictures, tmp_path, capsys):
    (tmp_path / "broken.png").write_bytes(b"x")
    paths = [pictures / "0.png", tmp_path / "none.png", tmp_path / "broken.png", pictures / "1.png"]
    assert read.main([*map(str, paths), "--model", "tiny_cn"]) == 2
    out, err = capsys.readouterr()
    assert [line.split()[1] for line in out.splitlines()] == ["京ABC", "AAA"]
    missing, broken = err.splitlines()
    assert missing.startswith(f"error: {paths[1]}: expected an image")
    assert broken.startswith(f"error: {paths[2]}: expected an image")


def test_read_takes_a_file_that_says_nothing_of_itself(shipped, pictures, capsys):
    Path("mine.tflite").write_bytes(tiny_tflite("uint8"))
    with pytest.raises(ConfigError, match="add --config"):
        read.main([str(pictures / "0.png"), "--model", "mine.tflite"])
    config = str(shipped / "tiny_cn" / "config.yaml")
    assert read.main([str(pictures / "0.png"), "--model", "mine.tflite", "--config", config]) == 0
    assert " 京ABC " in capsys.readouterr().out


def test_read_lists_what_ships(shipped, capsys):
    assert read.main(["--list"]) == 0
    header, _, *rows = capsys.readouterr().out.splitlines()
    assert [cell.strip() for cell in header.strip("|").split("|")] == [
        "reader", "weights", "input", "reads", "LP-RR (95% interval)", "measured on", "bytes",
    ]  # fmt: skip
    size = (shipped / "tiny_cn" / "tiny_cn_uint8.tflite").stat().st_size
    assert [cell.strip() for cell in rows[1].strip("|").split("|")] == [
        "tiny_cn_uint8", "uint8", "24x48 BGR", "A-C and 1 Chinese", "75.0% (30.0% to 95.4%)", "4 plates of drawn.txt",
        str(size),
    ]  # fmt: skip


def test_detectors_are_listed_by_themselves(shipped, capsys):
    (shipped / "finder").mkdir()
    (shipped / "finder" / "finder_int8.tflite").write_bytes(tiny_detector())
    assert list_models.main([]) == 0
    detectors, searched, readers, _ = capsys.readouterr().out.split("\n\n")
    header, _, row = ([cell.strip() for cell in line.strip("|").split("|")] for line in detectors.splitlines())
    assert header[:4] == ["detector", "weights", "input", "AP at IoU 0.5"]
    assert row[:4] == ["finder", "float", "64x96 BGR", "-"]  # nobody measured it
    assert "lpdnet" in searched
    assert "finder" not in readers


@pytest.mark.parametrize(
    ("arguments", "message"),
    [([], "expected images to read, received none"), (["x.png", "--beam_width", "0"], "--beam_width: expected at")],
)
def test_read_says_what_is_missing(arguments, message):
    with pytest.raises(UserError, match=message):
        read.main(arguments)


def test_read_needs_the_light_install_alone(shipped, pictures):
    heavy = ["keras", "tensorflow", "jax", "torch", "grain", "tqdm", "absl", "tflite_micro", "setuptools"]
    arguments = [str(pictures / "0.png"), "--model", str(shipped / "tiny_cn" / "tiny_cn_int8.tflite")]
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({heavy})); from lp_recognition.tools import read; "
        f"sys.exit(read.main({arguments}))"
    )
    result = run_python("-c", code)
    assert (result.returncode, result.stderr) == (0, "")
    assert " 京ABC " in result.stdout


# ---- benchmarks.recognition ----------------------------------------------------------------------------------------


def peers_file(path: Path, labels: list[str] | tuple[str, ...], **changes) -> str:
    values = {
        "lists": {
            "drawn": {"plates": 4, "labels_sha256": labels_sha256(labels), "about": "drawn plates"},
            "elsewhere": {"plates": 9, "labels_sha256": "0" * 64, "about": "other plates"},
        },
        "conditions": "one thread",
        "peers": [
            {"name": "A peer", "source": "nobody/nothing", "weights": "float", "mmac": 20, "file_kb": 90, "ms": 3.0,
             "caveat": "drawn for this test",
             "figures": {"drawn": {"right": 2, "last_six_right": 3}, "elsewhere": {"right": 8}}},
            {"name": "Another", "source": "nobody/else", "weights": "int8", "mmac": 4.5, "file_kb": 8},
        ],
    }  # fmt: skip
    path.write_text(yaml.safe_dump(values | changes), encoding="utf-8")
    return str(path)


def table_of(output: str) -> dict[str, dict[str, str]]:
    """The rows of the printed table by model, each cell by its column."""
    lines = [line.strip("|").split("|") for line in output.splitlines() if line.startswith("|")]
    header, _, *rows = [[cell.strip() for cell in line] for line in lines]
    return {row[0]: dict(zip(header, row, strict=True)) for row in rows}


def test_one_table_of_all_models_and_lists(shipped, pictures, tmp_path, capsys):
    Path("mine.tflite").write_bytes(tiny_tflite("float32"))
    lists = [str(pictures / "drawn.txt"), str(pictures / "other.txt")]
    plot = tmp_path / "tradeoff.png"
    options = ["--config", str(shipped / "tiny_cn" / "config.yaml"), "--timed", "2", "--plot", str(plot)]
    assert recognition.main(["mine.tflite", "tiny_two", "--list", *lists, *options]) == 0
    output = capsys.readouterr().out
    rows = table_of(output)
    assert list(rows) == ["tiny_cn", "tiny_cn_uint8", "tiny_two", "mine.tflite"]  # peers belong to another list
    assert "peers" not in output
    low, high = wilson_interval(3, 4)
    for name, row in rows.items():
        assert row["LP-RR on drawn.txt"] == f"75.0% ({low:.1%} to {high:.1%})"
        assert row["last six on drawn.txt"] == "100.0%"  # of the two that begin with a Chinese character
        assert row["LP-RR on other.txt"] == "-"  # it knows no such letters
        assert "last six on other.txt" not in row
        assert float(row["ms"]) >= 0
        assert row["weights"] == {"tiny_cn_uint8": "uint8", "mine.tflite": "float"}.get(name, "int8")
    file_size = (shipped / "tiny_cn" / "tiny_cn_int8.tflite").stat().st_size
    assert rows["tiny_cn"]["file KB"] == f"{file_size / 1000:.0f}"
    assert (rows["tiny_cn"]["arena KB"] != "-") == is_installed()
    assert read_image(plot).shape == (1000, 1600, 3)


def test_peers_stand_beside_the_list_they_were_measured_on(shipped, pictures, tmp_path, capsys):
    peers = peers_file(tmp_path / "peers.yaml", LABELS[::-1])  # whatever the order
    plot = tmp_path / "tradeoff.png"
    lists = [str(pictures / "other.txt"), str(pictures / "drawn.txt")]
    assert recognition.main(["--list", *lists[::-1], "--peers", peers, "--plot", str(plot)]) == 0
    output = capsys.readouterr().out
    rows = table_of(output)
    low, high = wilson_interval(2, 4)
    assert rows["*A peer*"]["LP-RR on drawn.txt"] == f"50.0% ({low:.1%} to {high:.1%})"
    assert rows["*A peer*"]["LP-RR on other.txt"] == rows["*Another*"]["LP-RR on drawn.txt"] == "-"
    assert rows["*A peer*"]["ms"] == "3.00"
    assert "measured earlier on these plates of drawn (drawn plates), one thread; their ms" in output
    assert "A peer: nobody/nothing; drawn for this test" in output
    assert read_image(plot).shape == (1034, 1600, 3)  # with the caveat below

    assert recognition.main(["--list", lists[0], "--peers", peers]) == 0
    assert "peer" not in capsys.readouterr().out
    with pytest.raises(UserError, match=r"--plot: expected a model that reads other\.txt, received none"):
        recognition.main(["--list", lists[0], "--plot", str(plot)])


def test_the_picture_has_a_panel_for_each_list_that_is_read(shipped, pictures, tmp_path):
    shutil.copy(pictures / "drawn.txt", pictures / "again.txt")
    lists, plot = [str(pictures / name) for name in ("drawn.txt", "other.txt", "again.txt")], tmp_path / "tradeoff.png"
    assert recognition.main(["--list", *lists, "--timed", "2", "--plot", str(plot)]) == 0
    assert read_image(plot).shape == (2000, 1600, 3)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"peers": [{"name": "x"}]}, r"peers\.0\.source: Field required"),
        (
            {"lists": {"drawn": {"plates": 0, "labels_sha256": "0" * 64, "about": ""}}},
            "plates: Input should be greater",
        ),
        ({"lists": {"drawn": {"plates": 4, "labels_sha256": "x", "about": ""}}}, "labels_sha256: String should match"),
        ({"lists": {}}, "A peer: expected figures of , received drawn"),
        (
            {"lists": {name: {"plates": 5, "labels_sha256": "0" * 64, "about": ""} for name in ("drawn", "elsewhere")}},
            "A peer: expected at most the 5 of elsewhere, received 8",
        ),
        ({"list_of": 1}, "list_of: Extra inputs are not permitted"),
    ],
)
def test_a_broken_file_of_peers_is_refused(tmp_path, changes, problem):
    path = peers_file(tmp_path / "mine.yaml", LABELS, **changes)
    with pytest.raises(ConfigError, match=rf"mine\.yaml: expected peers in the form of peers\.yaml, .*{problem}"):
        load_peers(path)
    with pytest.raises(ConfigError, match=r"none\.yaml: expected peers"):
        recognition.main(["--list", "x.txt", "--peers", str(tmp_path / "none.yaml")])


@pytest.mark.parametrize("name", ["cn_test", "cn_provinces_test"])
def test_the_lists_that_peers_were_measured_on_are_known(name):
    peers = load_peers(PEERS_FILE)
    crops = ROOT.parent / "shared" / "data" / name / "annotation.txt"
    if not crops.exists():
        pytest.skip(f"needs {name}")
    [plates] = recognition._read_lists([str(crops)])
    assert (plates.name, len(plates.labels)) == (name, peers.lists[name].plates)
    assert peers.list_of(plates.labels) == name


def test_a_list_is_called_by_its_folder_where_its_name_says_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert list_name("data/cn_test/annotation.txt") == "cn_test"
    assert list_name("annotation.txt") == tmp_path.name
    assert list_name("data/cn_test/val.txt") == "val.txt"


def test_labels_of_the_picture_stay_apart_and_inside():
    points = [
        tradeoff_chart.Point(name, "90.0%, 1,472 KB uint8", mmac, share, wilson_interval(round(200 * share), 200))
        for name, mmac, share in [
            ("lprnet_cn", 170.5, 0.935), ("GreenWaves LPRNet for GAP8", 170, 0.895), ("LPRNet_Pytorch", 144, 0.7),
            ("LPRNet-TF2.5", 234, 0.96), ("lprnet_mcu_cn", 16.9, 0.885), ("lprnet_nano_cn", 5.3, 0.8),
        ]
    ]  # fmt: skip
    frame = tradeoff_chart._Frame(points)
    places = [frame.place(point) for point in points]
    boxes = tradeoff_chart._label_places(points, places, frame)
    for number, box in enumerate(boxes):
        assert 0 <= box[0] < box[2] <= 1600
        assert 0 <= box[1] < box[3] <= frame.bottom
        assert all(tradeoff_chart._overlap(box, other) == 0 for other in boxes[:number])
        assert not any(box[0] < x < box[2] and box[1] < y < box[3] for x, y in places)
    assert [f"{mmac:g}" for mmac in frame._ticks()] == ["5", "10", "20", "50", "100", "200", "500"]
    with pytest.raises(ValueError, match="at least one point"):
        tradeoff_chart.draw_tradeoff([], "", "")


# ---- What ships ----------------------------------------------------------------------------------------------------

each_reader = pytest.mark.parametrize("folder", READERS, ids=lambda folder: folder.name)
each_detector = pytest.mark.parametrize("folder", DETECTORS, ids=lambda folder: folder.name)
each_finder = pytest.mark.parametrize(
    "folder", [one for one in DETECTORS if one.name != pretrained.DEFAULT_CORNERS], ids=lambda folder: folder.name
)


def test_what_ships_is_a_reader_or_a_detector():
    assert sorted(READERS + DETECTORS) == FOLDERS
    assert len(READERS) >= 4
    assert len(DETECTORS) >= 3


def parts_of(folder: Path) -> list[Path]:
    """The files that a shipped model is made of."""
    name = folder.name
    return [folder / part for part in
            (f"{name}_int8.tflite", f"{name}_uint8.tflite", f"{name}.ckpt", "config.yaml", "README.md")]  # fmt: skip


@each_reader
def test_the_folder_of_a_reader_is_whole(folder):
    assert [path.name for path in parts_of(folder) if not path.is_file()] == []
    int8, uint8, checkpoint, config_file, card = parts_of(folder)
    config = load_config(config_file)
    assert config.alphabet
    refuse_other_model(config, load_checkpoint(checkpoint, RecognitionConfig).config, str(checkpoint))
    for path, kind in ((int8, "int8"), (uint8, "uint8")):
        description = read_description(path)
        assert description is not None
        assert (description.kind, description.config.alphabet) == (kind, config.alphabet)
        refuse_other_model(config, description.config, str(path))
        assert Recognizer(path).ends[0].dtype == kind
    assert "LP-RR" in card.read_text(encoding="utf-8")


@each_reader
@pytest.mark.parametrize("kind", ["int8", "uint8"])
def test_a_shipped_model_reads_plates_of_its_formats(folder, kind):
    config = load_config(folder / "config.yaml")
    size = config.input_shape[:2]
    generator = PlateGenerator(
        config.train.plate_formats, seed=20_260, size=size, degradations=Degradations.none(),
        single_lines=config.train.plate_single_lines,
    )  # fmt: skip
    plates = [generator.draw(number) for number in range(40)]
    recognizer = Recognizer(folder / f"{folder.name}_{kind}.tflite")
    readings = recognizer.read_many([plate.image for plate in plates])
    merged = [recognizer.vocabulary.merge(plate.label) for plate in plates]
    right = sum(reading.text == label for reading, label in zip(readings, merged, strict=True))
    assert right >= BOUND * len(plates), f"{right} of {len(plates)}"


@each_detector
def test_the_folder_of_a_detector_is_whole(folder):
    assert [path.name for path in parts_of(folder) if not path.is_file()] == []
    int8, uint8, checkpoint, config_file, card = parts_of(folder)
    config = detection.load_config(config_file)
    refuse_other_model(config, load_checkpoint(checkpoint, DetectionConfig).config, str(checkpoint))
    for path, kind in ((int8, "int8"), (uint8, "uint8")):
        detector = Detector(path)
        assert detector.ends[0].dtype == kind
        assert detector.score_threshold == config.infer.score_threshold
        refuse_other_model(config, detector.config, str(path))
    assert "corner error" in card.read_text(encoding="utf-8")


@each_finder
def test_a_second_look_mends_the_corners_that_a_shipped_detector_finds(folder):
    generator = SceneGenerator(["cn_blue", "eu"], 20_261, (480, 640), plate_widths=(0.2, 0.35))
    finder, looker = Detector(folder / f"{folder.name}_int8.tflite"), Detector(pretrained.DEFAULT_CORNERS)
    errors = []
    for number in range(24):
        scene = generator.draw(number)
        found = finder.detect(scene.image)
        for before, after in zip(found, look_closer(looker, scene.image, found), strict=True):
            apart = [
                [np.linalg.norm(one.corners - seen.corners, axis=1).mean() for one in (before, after)]
                for seen in scene.plates
            ]
            errors += [min(apart)] if apart else []
    first, second = np.median(errors, axis=0)
    assert second < first


@each_finder
def test_a_shipped_detector_finds_drawn_plates(folder):
    """Its int8 and its uint8 file find the same ones."""
    generator = SceneGenerator(
        ["cn_blue", "cn_green", "eu"], 20_260, (480, 640), plate_widths=(0.2, 0.35), degradations=Degradations.none()
    )
    int8, uint8 = (Detector(folder / f"{folder.name}_{kind}.tflite") for kind in ("int8", "uint8"))
    errors, plates = [], 0
    for number in range(24):
        scene = generator.draw(number)
        found = int8.detect(scene.image)
        assert [one.corners.tolist() for one in uint8.detect(scene.image)] == [one.corners.tolist() for one in found]
        for seen in scene.plates:
            plates += 1
            height = np.linalg.norm(seen.corners[0] - seen.corners[3])
            apart = [np.linalg.norm(one.corners - seen.corners, axis=1).mean() / height for one in found]
            errors += [min(apart)] if apart and min(apart) < 1 else []
    assert len(errors) >= FOUND * plates, f"{len(errors)} of {plates}"
    assert np.median(errors) < APART


@pytest.mark.parametrize(
    ("name", "macs", "parameters", "activations", "targets"),
    [
        ("lpdnet_mcu", 150e6, 0.5e6, 256 * 1024, ["gap8", "tflite-micro"]),
        ("lpdnet_nano", 40e6, 0.5e6, 256 * 1024, ["gap8", "tflite-micro"]),
        ("lpdnet", 1000e6, 1e6, 4e6, []),
    ],
)
def test_detectors_are_as_small_as_they_were_meant_to_be(name, macs, parameters, activations, targets, tmp_path):
    report = tmp_path / "report.json"
    chosen = ["--target", *targets] if targets else []
    status = deployment_report.main([name, "--json", str(report), *chosen])
    values = json.loads(report.read_text(encoding="utf-8"))
    assert values["macs"] <= macs
    assert values["parameters"] <= parameters
    assert values["peak_activation_bytes"] <= activations
    if targets:
        assert status == 0
        assert values["file_bytes"] < 512 * 1024


def test_a_folder_that_lacks_a_file_is_found_out(shipped):
    with pytest.raises(AssertionError, match=r"tiny_cn\.ckpt"):
        test_the_folder_of_a_reader_is_whole(shipped / "tiny_cn")


def test_a_model_that_reads_nothing_is_found_out(shipped):
    with pytest.raises(AssertionError, match="0 of 40"):
        test_a_shipped_model_reads_plates_of_its_formats(shipped / "tiny_cn", "int8")


def test_another_precision_is_another_file(tmp_path):
    for name in ("lpdnet/graph_float16.tflite", "lpdnet/graph_float.tflite", "own/finder_float16.tflite"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    own = tmp_path / "own"
    assert pretrained.of_precision("lpdnet", "int8", tmp_path) == "lpdnet"
    assert pretrained.of_precision("lpdnet", "float16", tmp_path) == str(tmp_path / "lpdnet/graph_float16.tflite")
    assert pretrained.of_precision("lpdnet", "float32", tmp_path) == str(tmp_path / "lpdnet/graph_float.tflite")
    assert pretrained.of_precision(str(own / "finder_int8.tflite"), "float16", "") == str(own / "finder_float16.tflite")
    (own / "half.tflite").touch()
    assert pretrained.of_precision(str(own / "half.tflite"), "float16", "") == str(own / "half.tflite")
    for missing in ("lprnet_cn", str(own / "finder_uint8.tflite")):
        with pytest.raises(ModelError, match="expected the float32 file of"):
            pretrained.of_precision(missing, "float32", tmp_path)


def test_the_command_that_makes_it_is_told(tmp_path):
    with pytest.raises(ModelError) as told:
        pretrained.of_precision("lpdnet", "float16", tmp_path)
    assert str(told.value).endswith(
        "; python export_frozen_graph.py pretrained/lpdnet/config.yaml --checkpoint pretrained/lpdnet/lpdnet.ckpt "
        f"--output_dir {tmp_path}/lpdnet --tflite float16"
    )

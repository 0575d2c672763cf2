"""The files of an evaluation: figures, what made them, a row per plate, pictures of what was misread; and where."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path

import cv2
import numpy as np
import pytest
from tiny_models import tiny_config

from lp_recognition import __version__
from lp_recognition.evaluation.provenance import file_sha256, machine, record_lists, versions
from lp_recognition.evaluation.recognition import EvaluationList, EvaluationResult, evaluate
from lp_recognition.evaluation.recognition_page import recognition_page
from lp_recognition.evaluation.recognition_results import describe_evaluation, save_results
from lp_recognition.evaluation.recognizer_opening import OpenedRecognizer
from lp_recognition.evaluation.results import results_folder
from lp_recognition.images.image import read_image
from lp_recognition.lists.annotations import read_annotations, write_annotations
from lp_recognition.settings.recognition import RecognitionConfig
from lp_recognition.system.errors import UserError
from lp_recognition.tools.models import open_model


def with_eval(config: RecognitionConfig, **values) -> RecognitionConfig:
    return config.with_values(eval=config.eval.model_dump() | values)


@pytest.fixture
def listed(trained, crops) -> EvaluationList:
    """The eight crops that the model has learnt."""
    found = EvaluationList.from_config(with_eval(trained.config, file_list_path=[str(crops / "list.txt")]))
    assert found is not None
    return found


@pytest.fixture
def plates(listed) -> EvaluationList:
    """The eight crops, and drawn plates that the model mostly misreads."""
    drawn = EvaluationList.from_config(tiny_config(train_generated_share=1.0, eval_generated_plates=12))
    return EvaluationList(
        np.concatenate([listed.images, drawn.images]), listed.labels + drawn.labels, listed.names + drawn.names, [],
        listed.lists,
    )  # fmt: skip


@pytest.fixture
def opened(trained) -> OpenedRecognizer:
    return open_model(trained.checkpoint, trained.config)


def evaluated(model: OpenedRecognizer, plates: EvaluationList) -> EvaluationResult:
    return evaluate(model.predict, plates, model.config, model.vocabulary)


# ---- The record ----------------------------------------------------------------------------------------------------


def test_what_is_saved(opened, plates, tmp_path):
    result = evaluated(opened, plates)
    save_results(tmp_path / "out", describe_evaluation(opened, plates, "some.ckpt"), result)
    text = (tmp_path / "out" / "eval.json").read_text(encoding="utf-8")
    record = json.loads(text)
    assert record["model"] == "some.ckpt"
    assert (record["plates"], record["right"], record["lp_rr"]) == (20, result.metrics.right, result.metrics.lp_rr)
    assert record["lp_rr_interval"][0] < record["lp_rr"] < record["lp_rr_interval"][1]
    assert record["plates_per_second"] > 0
    assert sum(group["plates"] for group in record["by_first_character"].values()) == 20
    assert "\\u" not in text  # Chinese, to be read by people
    with (tmp_path / "out" / "eval.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["path"] for row in rows] == plates.names
    assert [row["label"] for row in rows] == plates.labels
    assert [row["reading"] for row in rows] == [reading.text for reading in result.readings]
    assert sum(int(row["edit_distance"]) == 0 for row in rows) == result.metrics.right
    for row, reading in zip(rows, result.readings, strict=True):
        assert float(row["confidence"]) == pytest.approx(reading.confidence, abs=1e-5)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "eval.json", "eval.csv", "eval.html", "misread.png",
    }  # fmt: skip
    assert read_image(tmp_path / "out" / "misread.png").shape[1] > 1600  # four pictures a row


def test_where_all_is_right_no_sheet_is_left_of_an_earlier_evaluation(opened, listed, tmp_path):
    (tmp_path / "misread.png").write_bytes(b"of another list")
    save_results(tmp_path, describe_evaluation(opened, listed, "x"), evaluated(opened, listed))
    assert not (tmp_path / "misread.png").exists()
    assert "Every plate was read right" in (tmp_path / "eval.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("kind", "runtime", "arithmetic", "packages"),
    [
        ("checkpoint", "keras on tensorflow", "integers", {"keras", "tensorflow"}),
        ("graph", "tensorflow", "float32", {"tensorflow"}),
        ("tflite", "ai_edge_litert", "uint8", {"ai_edge_litert"}),
    ],
)
def test_the_record_says_what_was_measured_on_what(
    kind, runtime, arithmetic, packages, trained, graph, tflite, listed, crops
):
    path = {"checkpoint": trained.checkpoint, "graph": graph, "tflite": tflite}[kind]
    record = describe_evaluation(open_model(path, trained.config), listed, str(path))
    assert record["model_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert record["training_step"] == (None if kind == "tflite" else 140)  # tflite_convert drops what a graph says
    text = (crops / "list.txt").read_bytes()
    assert record["lists"] == [{"path": str(crops / "list.txt"), "rows": 8, "sha256": hashlib.sha256(text).hexdigest()}]
    assert record["runtime"] == runtime
    assert arithmetic in record["arithmetic"]
    assert set(record["versions"]) == {"lp_recognition", "python", "numpy", "opencv"} | packages
    assert record["versions"]["lp_recognition"] == __version__
    assert all(re.match(r"\d+\.\d+", version) for version in record["versions"].values())
    assert record["settings"]["eval"]["beam_width"] == 1
    assert record["settings"]["decode"] == {"patterns": False}
    assert "train" not in record["settings"]
    made = datetime.strptime(record["date"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    assert abs(datetime.now(timezone.utc) - made) < timedelta(minutes=5)
    assert set(machine()) == {"system", "architecture", "processor"}


def test_of_drawn_plates_the_record_says_how_they_were_drawn(opened):
    drawn = EvaluationList.from_config(tiny_config(train_generated_share=1.0, eval_generated_plates=3))
    record = describe_evaluation(opened, drawn, "x")
    assert record["lists"] == []
    assert set(record["settings"]["train"]) == {
        "plate_formats", "plate_font", "plate_extra_fonts", "plate_without", "plate_single_lines",
        "random_seed",
    }  # fmt: skip
    assert record["settings"]["eval"]["generated_plates"] == opened.config.eval.generated_plates


def test_the_plates_have_one_digest_wherever_they_lie(opened, listed, plates):
    digest = describe_evaluation(opened, listed, "x")["plates_sha256"]
    elsewhere = EvaluationList(listed.images, listed.labels, ["elsewhere"] * 8, [], listed.lists)
    assert describe_evaluation(opened, elsewhere, "x")["plates_sha256"] == digest
    other_pixel = listed.images.copy()
    other_pixel[7, 23, 93, 2] ^= 1
    for other in (
        EvaluationList(other_pixel, listed.labels, listed.names, []),
        EvaluationList(listed.images, [*listed.labels[:7], "X"], listed.names, []),
    ):
        assert describe_evaluation(opened, other, "x")["plates_sha256"] != digest


def test_rows_are_counted_by_list_and_without_those_left_out(crops, tmp_path):
    good = [(row.path, row.label) for row in read_annotations(crops / "list.txt")[0]]
    write_annotations(tmp_path / "a.txt", good[:3])
    write_annotations(tmp_path / "b.txt", [("gone.png", "A"), *good[:2]])
    config = with_eval(
        tiny_config(), file_list_path=[str(tmp_path / "a.txt"), f"{tmp_path}/./b.txt"], skip_bad_rows=True
    )
    plates = EvaluationList.from_config(config)
    assert [(Path(one.path).name, one.rows) for one in plates.lists] == [("a.txt", 3), ("b.txt", 2)]
    assert record_lists([], ["list.txt:1"]) == ()


def test_a_file_that_is_gone_has_no_digest(tmp_path):
    with pytest.raises(UserError, match=r"gone.ckpt: cannot be read"):
        file_sha256(tmp_path / "gone.ckpt")


def test_a_package_without_a_version_is_unknown():
    assert versions(["no_such_package"])["no_such_package"] == "unknown"


# ---- The folder ----------------------------------------------------------------------------------------------------


def folder_of(model: OpenedRecognizer, plates: EvaluationList) -> Path:
    return results_folder(model, describe_evaluation(model, plates, "x"))


def test_the_folder_that_is_named_is_taken(trained, listed):
    named = open_model(trained.checkpoint, with_eval(trained.config, output_dir="some/folder"))
    assert folder_of(named, listed) == Path("some/folder")


def test_results_of_a_checkpoint_lie_beside_it_and_of_other_models_in_out(trained, tflite, listed, tmp_path, crops):
    folder = folder_of(open_model(trained.checkpoint, trained.config), listed)
    assert folder.parent == trained.folder / "eval"
    assert re.fullmatch(r"model\.ckpt-140-list-[0-9a-f]{8}", folder.name)
    folder = folder_of(open_model(tflite, trained.config), listed)
    assert folder.parent == Path("out/eval")
    assert re.fullmatch(r"graph-list-[0-9a-f]{8}", folder.name)
    shipped = tmp_path / "shipped.ckpt"  # as those of pretrained/ are named
    shipped.write_bytes(trained.checkpoint.read_bytes())
    assert folder_of(open_model(shipped, trained.config), listed).parent == Path("out/eval")


def test_the_same_evaluation_finds_its_folder_and_another_one_gets_its_own(trained, floating_model, listed, tmp_path):
    def model(**values) -> OpenedRecognizer:
        return open_model(trained.checkpoint, with_eval(trained.config, **values))

    first = folder_of(model(), listed)
    assert folder_of(model(batch_size=3, checkpoint="x"), listed) == first  # no figure depends on these
    other_rows = EvaluationList(listed.images[:7], listed.labels[:7], listed.names[:7], [], listed.lists)
    twin = [vars(one) | {"path": "other/list.txt"} for one in listed.lists]  # another list of the same name
    other_list = EvaluationList(
        listed.images, listed.labels, listed.names, [], tuple(type(listed.lists[0])(**one) for one in twin)
    )
    by_patterns = trained.config.with_values(lpr_patterns=[".*"], decode={"patterns": True})
    folders = {
        first,
        folder_of(model(beam_width=4), listed),
        folder_of(model(), other_rows),
        folder_of(model(), other_list),
        folder_of(open_model(trained.checkpoint, by_patterns), listed),
        folder_of(floating_model, listed),
    }
    assert len(folders) == 6


@pytest.fixture
def floating_model(trained, tmp_path) -> OpenedRecognizer:
    """Other weights under the same name."""
    path = tmp_path / "other" / trained.checkpoint.name
    path.parent.mkdir()
    path.write_bytes(trained.floating.read_bytes())
    return open_model(path, trained.config)


def test_folders_have_names_that_every_system_takes(opened, listed, plates):
    names = ["a b?*", "京" * 80, "x" * 200]
    for name in names:
        lists = tuple(type(one)(f"folder/{name}.txt", one.rows, one.sha256) for one in listed.lists)
        folder = folder_of(opened, EvaluationList(listed.images, listed.labels, listed.names, [], lists))
        assert re.fullmatch(r"[\w.+-]{1,70}", folder.name)
    drawn = EvaluationList(listed.images, listed.labels, listed.names, [])
    assert "-drawn-" in folder_of(opened, drawn).name


# ---- The page ------------------------------------------------------------------------------------------------------


def section(text: str, title: str) -> str:
    start = text.index(f"<h2>{title}")
    end = text.find("<h2>", start + 1)
    return text[start : end if end >= 0 else None]


def titles(text: str) -> list[str]:
    """The files whose pictures are shown."""
    return re.findall(r'<figure title="([^"]+)"><img ', text)


def test_the_page_shows_photographs_where_there_are_some(opened, listed):
    """A picture of the photograph is 48 rows high, what the network saw 24."""
    drawn = EvaluationList(listed.images[:1], ["?"], ["drawn plate"], [])
    photograph = EvaluationList(listed.images[:1], ["?"], listed.names[:1], [], listed.lists)
    heights = []
    for plates in (drawn, photograph):
        text = recognition_page(evaluated(opened, plates), describe_evaluation(opened, plates, "x"))
        data = re.search('src="data:image/[a-z]*;base64,([^"]*)', text)[1]
        heights.append(cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR).shape[0])
    assert heights == [24, 48]


def test_the_page_shows_the_worst_first_and_needs_no_other_file(opened, plates):
    result = evaluated(opened, plates)
    text = recognition_page(result, describe_evaluation(opened, plates, "<model>"))
    assert not re.search(r'(src|href)="(?!data:|#)', text)
    assert "<model>" not in text
    assert "&lt;model&gt;" in text
    wrong = section(text, "Misread, worst first: ")
    assert titles(wrong) == [plates.names[number] for number in result.misread]
    first = result.misread[0]
    assert f"{result.readings[first].confidence:.1%}" in wrong
    assert section(text, "Length")
    measured = section(text, "What was measured")
    assert "model_sha256" in measured
    assert str(plates.lists[0].sha256) in measured


def reading_of(texts: list[str], model: OpenedRecognizer):
    remaining = iter(texts)

    def predict(images: np.ndarray) -> np.ndarray:
        logits = np.full((len(images), 20, model.vocabulary.num_classes), -20, np.float32)
        logits[:, :, model.vocabulary.blank_index] = 0
        for table in logits:
            for number, index in enumerate(model.vocabulary.encode(next(remaining))):
                table[2 * number, index] = 20
        return logits

    return predict


def test_the_page_groups_by_what_was_confused_and_by_first_character(opened, listed):
    symbols = list(opened.vocabulary.symbols)
    first, second, third = symbols[:3]
    labels = [first + second, first + third, second + first, second + third, third + first]
    readings = [second + second, second + third, second + first, second, third + first + first]
    plates = EvaluationList(listed.images[:5], labels, listed.names[:5], [], listed.lists)
    result = evaluate(reading_of(readings, opened), plates, opened.config, opened.vocabulary)
    text = recognition_page(result, describe_evaluation(opened, plates, "x"))
    confused = section(text, "Confused most often")
    assert f"<h3>{first} as {second}: 2</h3>" in confused
    assert f"<h3>{third} missed: 1</h3>" in confused
    assert f"<h3>{first} too many: 1</h3>" in confused
    pair = confused[confused.index(f"<h3>{first} as {second}: 2</h3>") :].partition("</div></div>")[0]
    assert titles(pair) == [plates.names[number] for number in result.misread if number < 2]
    groups = section(text, "First character")
    most, *rest = re.findall("<summary>(.*?)</summary>", groups)
    assert most == f"{first}: 2 misread"
    assert set(rest) == {f"{second}: 1 misread", f"{third}: 1 misread"}
    assert sorted(titles(groups)) == sorted(plates.names[number] for number in (0, 1, 3, 4))
    assert "50%, 1 of 2" in groups  # of the second
    assert f'<span class="bad">{second}</span>{second}' in section(text, "Misread")


def test_of_many_misread_plates_some_are_folded_and_the_rest_is_counted(opened, listed):
    count = 400
    plates = EvaluationList(np.repeat(listed.images[:1], count, axis=0), ["?"] * count, ["drawn plate"] * count, [])
    result = evaluated(opened, plates)
    assert len(result.misread) == count
    wrong = section(recognition_page(result, describe_evaluation(opened, plates, "x")), "Misread")
    assert wrong.count("<img ") == 300
    assert "<summary>240 more</summary>" in wrong
    assert "and 100 more in eval.csv" in wrong

"""From photographs to texts, by the script; its figures beside a plain count of the predictions that it writes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tiny_photographs import DETECTOR_CONFIG, photograph, tiny_detector, tiny_reader

import eval_lpd
from lp_recognition.evaluation.end_to_end import is_right
from lp_recognition.images.image import write_image
from lp_recognition.lists.scenes import Scene, ScenePlate, write_scenes
from lp_recognition.reading.recognizer import Reading
from lp_recognition.settings.loading import save_settings
from lp_recognition.system.errors import ConfigError, UserError

#: Photographs: what stands where, then what is annotated of each plate: how many pixels aside, text, country, whether
#: with corners; whether the photograph is complete; how many times as large as the detector's input.
PHOTOGRAPHS = (
    ([(1, 1, "BBBCCC"), (4, 5, "CCCAAA")], [(0, "BC", "cn", True), (0, "CB", "cn", True)], True, 2),
    ([(1, 1, "BBBCCC"), (4, 5, "CCCAAA")], [(20, "BC", "de", False)], True, 2),
    ([(2, 0, "AAACCC")], [(3, "AC", "de", True)], False, 3),
    ([(2, 3, "AAACCC")], [(40, "AC", "de", True)], True, 2),
    ([(2, 3, "AAACCC")], [], True, 2),
    ([], [], True, 1),
    ([], [(0, "", "", True)], True, 1),
)


def scene_of(folder: Path, number: int) -> Scene:
    plates, annotated, complete, scale = PHOTOGRAPHS[number]
    image = photograph(plates, scale, 255 - 2 * number)  # no two detections are equally sure
    if number == 2:  # a square picture is fitted with gray at its right
        image = image[:, : image.shape[0]]
    write_image(folder / f"{number}.png", image)
    truth = []
    for (row, column, _), (aside, text, country, known) in zip(plates or [(0, 0, "")], annotated, strict=False):
        left, top = scale * 8 * (column + 1) + aside * scale / 2, scale * 8.0 * row
        right, bottom = left + 48 * scale, top + 24 * scale
        corners = ((left, top), (right, top), (right, bottom), (left, bottom)) if known else None
        truth.append(ScenePlate((left, top, right, bottom), corners, text, country))
    return Scene(Path(f"{number}.png"), image.shape[:2], tuple(truth), complete, "ab"[number % 2])


@pytest.fixture
def arguments(tmp_path) -> list[str]:
    (tmp_path / "finder.tflite").write_bytes(tiny_detector())
    (tmp_path / "reader.tflite").write_bytes(tiny_reader())
    save_settings(DETECTOR_CONFIG, tmp_path / "config.yaml")
    write_scenes(tmp_path / "plates.jsonl", [scene_of(tmp_path, number) for number in range(len(PHOTOGRAPHS))])
    return [
        str(tmp_path / "config.yaml"), f"eval.file_list_path={tmp_path / 'plates.jsonl'}",
        f"eval.output_dir={tmp_path / 'out'}", "--model", str(tmp_path / "finder.tflite"),
        "--predictions", str(tmp_path / "found.jsonl"),
    ]  # fmt: skip


def evaluated(arguments: list[str], folder: Path) -> tuple[dict, list[dict], list[dict]]:
    """The figures, the annotated photographs and the predictions of a run of the script."""
    assert eval_lpd.main(arguments) == 0
    rows = [
        [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines()]
        for name in ("plates.jsonl", "found.jsonl")
    ]
    return json.loads((folder / "out" / "eval.json").read_text(encoding="utf-8")), rows[0], rows[1]


def overlap(one: list[float], other: list[float]) -> float:
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    shared = max(0, width) * max(0, height)
    return shared / (one[2] * one[3] + other[2] * other[3] - shared)


def plain_count(truth: list[dict], predictions: list[dict], bound: float) -> dict[str, float]:
    """Recall, precision, false alarms, corner error and average precision, counted as a person would."""
    plates = hits = shown = shown_right = empty = alarms = 0
    errors, ranked = [], []
    for row, found in zip(truth, predictions, strict=True):
        assert row["image"] == found["image"]
        left = list(row["plates"])
        right = 0
        for detection in sorted(found["plates"], key=lambda one: -one["score"]):
            best = max(left, key=lambda plate: overlap(detection["box"], plate["box"]), default=None)
            is_hit = best is not None and overlap(detection["box"], best["box"]) >= bound
            ranked.append((detection["score"], is_hit))
            if is_hit:
                left.remove(best)
                right += 1
                if best["corners"]:
                    apart = np.hypot(*(np.array(detection["corners"]) - best["corners"]).T).mean()
                    errors.append(apart / best["box"][3])  # they stand upright
        plates, hits = plates + len(row["plates"]), hits + right
        if row["complete"]:
            shown, shown_right = shown + len(found["plates"]), shown_right + right
            if not row["plates"]:
                empty, alarms = empty + 1, alarms + len(found["plates"])
    area, best_precision, seen = 0.0, 0.0, sorted(ranked, key=lambda one: one[0])
    for number, (_, is_hit) in enumerate(seen):  # the least sure first: the envelope is the best from there on
        surer = seen[number:]
        best_precision = max(best_precision, sum(hit for _, hit in surer) / len(surer))
        area += best_precision * is_hit / plates
    return {
        "recall": hits / plates, "precision": shown_right / shown, "false_alarms": alarms / empty,
        "corner_error": float(np.median(errors)), "ap": area,
    }  # fmt: skip


def test_the_figures_are_those_of_a_plain_count(arguments, tmp_path, capsys):
    figures, truth, predictions = evaluated(arguments, tmp_path)
    at_50, at_70 = plain_count(truth, predictions, 0.5), plain_count(truth, predictions, 0.7)
    assert at_50["recall"] == pytest.approx(4 / 6)  # two are annotated too far aside or where there is none
    assert figures["recall_50"] == pytest.approx(at_50["recall"])
    assert figures["recall_70"] == pytest.approx(at_70["recall"])
    assert figures["recall_70"] < figures["recall_50"]
    assert figures["ap_75"] == pytest.approx(plain_count(truth, predictions, 0.75)["ap"], abs=1e-6)
    assert figures["precision"] == pytest.approx(at_50["precision"])
    assert figures["false_alarms"] == pytest.approx(at_50["false_alarms"])
    assert figures["corner_error"] == pytest.approx(at_50["corner_error"], abs=1e-3)
    assert "found and read" not in capsys.readouterr().out


def test_plates_found_and_read_right_are_told_by_country(arguments, tmp_path, capsys):
    reader = str(tmp_path / "reader.tflite")
    figures, _, predictions = evaluated([*arguments, "--reader", reader], tmp_path)
    counts = figures["end_to_end"]["by_country"]
    names = ("plates", "found", "read", "with_corners", "read_with_corners", "read_at_corners")
    assert {country: [found[name] for name in names] for country, found in counts.items()} == {
        "de": [3, 2, 2, 2, 1, 1],  # one is annotated so far aside that neither finding nor its corners help
        "cn": [2, 2, 1, 2, 1, 1],  # one label is wrong
    }
    assert figures["end_to_end"]["total"]["read"] == 3
    assert figures["end_to_end"]["readers"] == [reader]
    assert [plate["text"] for plate in predictions[0]["plates"]] == ["BC", "CA"]
    out = capsys.readouterr().out
    assert "60.0% (95% interval 23.1% to 88.2%) of 5 plates with text" in out


def test_drawn_scenes_have_no_photographs_to_read(arguments):
    with pytest.raises(ConfigError, match=r"eval\.file_list_path: expected a list of scenes"):
        eval_lpd.main([arguments[0], "train.generated_share=1", "eval.generated_scenes=1", *arguments[3:]])


def test_a_text_is_right_however_it_is_written():
    assert is_right(Reading("皖AY339S", 1, ()), "<anhui>a-y339s")
    assert not is_right(Reading("皖AY339S", 1, ()), "皖AY3395")
    assert not is_right(Reading("", 1, ()), "")


def test_predictions_never_replace_the_list(arguments, tmp_path):
    listed = (tmp_path / "plates.jsonl").read_bytes()
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "plates.jsonl")
    for name in ("plates.jsonl", "link.jsonl"):
        with pytest.raises(UserError, match="--predictions: expected another file than the list of scenes"):
            eval_lpd.main([*arguments[:-1], str(tmp_path / name)])
    assert (tmp_path / "plates.jsonl").read_bytes() == listed

"""Calibration: two numbers that keep the order, are found again in made data, and travel with the file."""

from __future__ import annotations

import dataclasses
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml
from deployed_models import CONFIG, config_file, exported, folder
from hypothesis import given
from hypothesis import strategies as st
from tiny_tflite import tiny_tflite

from lp_recognition.lists.annotations import write_annotations
from lp_recognition.model_files import description
from lp_recognition.model_files.description import DESCRIPTION_FILE, ModelDescription
from lp_recognition.model_files.recognition import RECOGNITION, CalibrationRecord, read_description, scaling_of
from lp_recognition.reading.recognizer import Recognizer
from lp_recognition.settings.recognition import RecognitionConfig
from lp_recognition.system.errors import ModelError, UserError
from lp_recognition.texts.calibration import Calibration, cross_calibrate, expected_calibration_error
from lp_recognition.tools.models import open_model

shares = st.floats(0, 1)
judged = st.lists(st.tuples(shares, st.booleans()), min_size=1, max_size=60)
calibrations = st.builds(Calibration, st.floats(0.01, 50), st.floats(-30, 30))


def sigmoid(odds: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-odds))


def made(slope: float, offset: float, plates: int = 20_000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Confidences whose readings are right as often as a calibration of these two numbers says."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(2, 2, plates)
    return sigmoid(odds), rng.random(plates) < sigmoid(slope * odds + offset)


# ---- Applying ------------------------------------------------------------------------------------------------------


@given(st.lists(shares, min_size=1, max_size=50), calibrations)
def test_order_stays_and_values_are_probabilities(confidences, calibration):
    calibrated = calibration.apply(confidences)
    assert ((calibrated >= 0) & (calibrated <= 1)).all()
    assert (np.diff(calibrated[np.argsort(confidences, kind="stable")]) >= -1e-12).all()


@given(st.lists(shares, min_size=1, max_size=50))
def test_without_numbers_it_changes_nothing(confidences):
    assert Calibration().apply(confidences) == pytest.approx(np.array(confidences), abs=1.1e-6)


def test_two_points_by_hand():
    assert Calibration(2, 0).apply([0.8]) == pytest.approx([16 / 17])  # odds of 4 to 1, squared
    assert Calibration(1, np.log(3)).apply([0.5, 0.2]) == pytest.approx([0.75, 3 / 7])  # odds times 3


def test_certainty_is_finite_and_steep_slopes_are_no_error():
    assert Calibration(1, -np.log(9)).apply([0, 1]) == pytest.approx([0, 1], abs=1e-5)
    assert 0 < Calibration().apply([0.0])[0] < Calibration().apply([1.0])[0] < 1
    assert Calibration(1e308, 5).apply([0, 0.1, 0.9, 1]).tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("slope", "offset"),
    [(0, 0), (-1, 0), (float("nan"), 0), (float("inf"), 0), (1, float("nan")), (1, -float("inf"))],
)
def test_a_slope_that_turns_the_order_is_refused(slope, offset):
    with pytest.raises(ValueError, match=r"(slope: expected a positive|offset: expected a finite) number, received"):
        Calibration(slope, offset)


# ---- Fitting -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("slope", "offset"), [(1, 0), (0.4, 0), (0.6, -1), (2, 0.5), (1, 2)])
def test_the_numbers_of_made_data_are_found_again(slope, offset):
    confidences, right = made(slope, offset)
    found = Calibration.fit(confidences, right)
    assert found.slope == pytest.approx(slope, abs=0.12)
    assert found.offset == pytest.approx(offset, abs=0.12)
    assert expected_calibration_error(found.apply(confidences), right) < 0.015


@given(judged)
def test_whatever_it_is_fitted_on_the_order_stays(pairs):
    confidences, right = zip(*pairs, strict=True)
    found = Calibration.fit(confidences, right)
    assert found.slope > 0
    assert np.isfinite([found.slope, found.offset]).all()
    assert Calibration.fit(confidences[::-1], right[::-1]).slope == pytest.approx(found.slope, abs=2e-6)


@given(judged)
def test_no_small_step_away_from_the_fit_is_better(pairs):
    confidences, right = (np.array(values, float) for values in zip(*pairs, strict=True))
    odds = np.log(np.clip(confidences, 1e-6, 1 - 1e-6)) - np.log(np.clip(1 - confidences, 1e-6, 1 - 1e-6))

    def loss(slope: float, offset: float) -> float:
        scores = slope * odds + offset
        return float((np.logaddexp(0, scores) - right * scores).sum() + ((slope - 1) ** 2 + offset**2) / 2)

    found = Calibration.fit(confidences, right)
    best = loss(found.slope, found.offset)
    for slope, offset in ((0.01, 0), (-0.01, 0), (0, 0.01), (0, -0.01), (0.01, -0.01), (-0.01, 0.01)):
        if found.slope + slope >= 0.01:
            assert best <= loss(found.slope + slope, found.offset + offset)


@pytest.mark.parametrize("plates", [1, 8, 3000])
@pytest.mark.parametrize("share", [0.3, 0.95, 1.0])
def test_all_right_and_none_right(plates, share):
    sure, doubtful = (Calibration.fit([share] * plates, [right] * plates) for right in (True, False))
    assert doubtful.apply([share])[0] < min(share, 1 - 1e-6) < 1 and doubtful.slope > 0
    assert share - 1e-6 <= sure.apply([share])[0] < 1
    if plates == 3000:
        assert doubtful.apply([share])[0] < 0.01
        assert sure.apply([share])[0] > 0.99


def test_confidences_that_tell_nothing_or_the_contrary_leave_the_share_that_is_right():
    rng = np.random.default_rng(1)
    confidences = rng.uniform(0.5, 1, 2000)
    told = Calibration.fit(confidences, confidences < 0.75)  # the surer, the less right
    assert told.slope == 0.01
    assert told.apply(confidences) == pytest.approx(np.full(2000, 0.5), abs=0.05)


@pytest.mark.parametrize(
    ("confidences", "correct", "message"),
    [
        ([], [], "expected at least one plate, received none"),
        ([0.5], [True, False], r"expected as many confidences as judgements, received \(1,\) and \(2,\)"),
        ([0.5, 1.5], [True, False], r"expected confidences in \[0, 1\], received 0.5 to 1.5"),
        ([0.5, float("nan")], [True, False], r"expected confidences in \[0, 1\]"),
    ],
)
def test_what_is_no_list_of_plates_is_refused(confidences, correct, message):
    for use in (Calibration.fit, expected_calibration_error):
        with pytest.raises(ValueError, match=message):
            use(confidences, correct)


# ---- The error -----------------------------------------------------------------------------------------------------


def test_the_error_by_hand():
    confidences, right = [0.1, 0.3, 0.6, 0.8], [False, True, True, True]
    assert expected_calibration_error(confidences, right, bins=1) == pytest.approx(0.75 - 0.45)
    assert expected_calibration_error(confidences, right, bins=2) == pytest.approx((0.3 + 0.3) / 2)
    assert expected_calibration_error(confidences, right, bins=4) == pytest.approx((0.1 + 0.7 + 0.4 + 0.2) / 4)
    assert expected_calibration_error(confidences, right, bins=99) == pytest.approx((0.1 + 0.7 + 0.4 + 0.2) / 4)
    assert expected_calibration_error([1, 1, 0], [True, True, False]) == 0
    assert expected_calibration_error([0.9], [False]) == pytest.approx(0.9)
    with pytest.raises(ValueError, match="at least 1 bin, received 0"):
        expected_calibration_error([0.5], [True], bins=0)


def test_confidences_that_are_right_have_next_to_no_error():
    assert expected_calibration_error(*made(1, 0, 100_000)) < 0.005
    assert expected_calibration_error(*made(0.3, 0, 100_000)) > 0.1


def test_equal_confidences_share_a_bin():
    right = np.arange(100) < 80  # all right ones first: bins cut by the place in the list would see 1 and 0
    assert expected_calibration_error(np.full(100, 0.8), right) == pytest.approx(0)


@given(judged, st.integers(1, 20), st.randoms())
def test_the_error_is_a_share_and_no_matter_of_the_lists_order(pairs, bins, random):
    error = expected_calibration_error(*zip(*pairs, strict=True), bins=bins)
    assert 0 <= error <= 1
    random.shuffle(pairs)
    assert expected_calibration_error(*zip(*pairs, strict=True), bins=bins) == pytest.approx(error, abs=1e-12)


# ---- Cross-fitting -------------------------------------------------------------------------------------------------


def test_a_plate_never_calibrates_itself():
    """Of each plate one confidence: were its own judgements seen, those of the plate alone would be told apart."""
    confidences, right = made(0.5, 0, 300)
    plates = [f"plate {number // 3}" for number in range(300)]
    before = cross_calibrate(confidences, right, plates)
    flipped = right.copy()
    flipped[:3] = ~flipped[:3]
    after = cross_calibrate(confidences, flipped, plates)
    same = before == after
    assert same[:3].all()
    assert 60 <= same.sum() < 66 and (np.add.reduceat(same, range(0, 300, 3)) % 3 == 0).all()  # a fold of whole plates


def test_the_order_of_the_list_is_of_no_account():
    confidences, right = made(0.5, 0, 200)
    plates = [f"plate {number}" for number in range(200)]
    there, back = cross_calibrate(confidences, right, plates), slice(None, None, -1)
    assert cross_calibrate(confidences[back], right[back], plates[back])[back] == pytest.approx(there, abs=1e-5)
    assert not np.allclose(cross_calibrate(confidences, right, plates, seed=1), there, atol=1e-5)


def test_it_measures_what_fitting_on_the_same_plates_hides():
    errors = []
    for seed in range(20):
        confidences, right = made(0.5, 0, 60, seed)
        fitted = Calibration.fit(confidences, right).apply(confidences)
        crossed = cross_calibrate(confidences, right, [str(number) for number in range(60)])
        errors.append([np.square(values - right).mean() for values in (fitted, crossed)])
    seen, unseen = np.mean(errors, axis=0)
    assert seen < unseen


def test_too_few_plates_are_refused():
    assert len(cross_calibrate([0.5, 0.6], [True, False], ["A", "B"])) == 2
    with pytest.raises(ValueError, match="at least 2 different plates and 2 folds, received 1 and 5"):
        cross_calibrate([0.5, 0.6], [True, False], ["A", "A"])
    with pytest.raises(ValueError, match="a plate for each of 2 confidences, received 1"):
        cross_calibrate([0.5, 0.6], [True, False], ["A"])


# ---- The description -----------------------------------------------------------------------------------------------


def parse_description(text: str, source: str) -> ModelDescription[RecognitionConfig]:
    return description.parse_description(text, source, [RECOGNITION])


RECORD = CalibrationRecord(Calibration(0.625, -0.25), 0.125, 0.03125, 400, "val.txt")
DESCRIPTION = ModelDescription(RECOGNITION, CONFIG, "int8", "float", 12, "ab" * 32, calibration=RECORD)


@given(st.builds(Calibration, st.floats(1e-6, 1e6), st.floats(-1e6, 1e6)), shares, st.integers(1, 10**9))
def test_what_is_written_is_read(scaling, error, plates):
    record = CalibrationRecord(scaling, error, error / 2, plates, "a b.txt, 验证.txt")
    described = dataclasses.replace(DESCRIPTION, calibration=record)
    assert parse_description(described.to_yaml(), "x") == described


def test_a_description_without_is_what_it_always_was():
    plain = dataclasses.replace(DESCRIPTION, calibration=None)
    assert "calibration" not in plain.to_yaml()
    assert scaling_of(parse_description(plain.to_yaml(), "x")) is None
    assert yaml.safe_load(DESCRIPTION.to_yaml())["lp_recognition"] == 1
    assert yaml.safe_load(DESCRIPTION.to_yaml())["calibration"] == {
        "slope": 0.625, "offset": -0.25, "ece_before": 0.125, "ece_after": 0.03125, "plates": 400, "lists": "val.txt",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"slope": -1.0}, "slope: expected a positive number, received -1.0"),
        ({"slope": 0}, "slope: expected a positive number"),
        ({"slope": float("nan")}, "slope: expected a positive number"),
        ({"slope": "steep"}, "slope: expected a number, received 'steep'"),
        ({"slope": True}, "slope: expected a number, received True"),
        ({"offset": 10**400}, "too large"),
        ({"offset": float("inf")}, "offset: expected a finite number"),
        ({"ece_after": 1.5}, "ece_after: expected 0 to 1, received 1.5"),
        ({"plates": 0}, "plates: expected at least 1"),
        ({"plates": None}, "received a broken one"),
        ({"other": 1}, "expected slope, offset, ece_before, ece_after, plates and lists"),
    ],
)
def test_a_broken_calibration_is_refused(changes, message):
    values = yaml.safe_load(DESCRIPTION.to_yaml())
    values["calibration"] |= changes
    with pytest.raises(ModelError, match=rf"x\.tflite: expected a description .*{message}"):
        parse_description(yaml.safe_dump(values, allow_unicode=True), "x.tflite")


@pytest.mark.parametrize("value", [5, "slope", [1.0, 0.0], {}, {"slope": 1.0}])
def test_what_is_no_calibration_is_refused(value):
    values = yaml.safe_load(DESCRIPTION.to_yaml()) | {"calibration": value}
    with pytest.raises(ModelError, match="calibration: expected slope, offset"):
        parse_description(yaml.safe_dump(values, allow_unicode=True), "x.tflite")


# ---- Reading -------------------------------------------------------------------------------------------------------

TINY = RecognitionConfig(input_shape=(24, 48, 3), alphabet="京ABC")


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    """The same tiny network, `plain` and `calibrated`."""
    folder = tmp_path_factory.mktemp("files")
    found = {}
    for name, record in (("plain", None), ("calibrated", RECORD)):
        found[name] = folder / f"{name}.tflite"
        found[name].write_bytes(tiny_tflite())
        described = ModelDescription(RECOGNITION, TINY, "uint8", "float", 1, "", calibration=record)
        with zipfile.ZipFile(found[name], "a") as archive:
            archive.writestr(DESCRIPTION_FILE, described.to_yaml())
    return found


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (20, 24, 48, 3), np.uint8)


@pytest.mark.parametrize("beam_width", [1, 3])
def test_a_reading_is_calibrated_by_its_file(files, images, beam_width):
    plain, calibrated = (Recognizer(files[name], beam_width=beam_width) for name in ("plain", "calibrated"))
    assert plain.calibration is None
    assert calibrated.calibration == RECORD.scaling
    before, after = plain.read_many(images), calibrated.read_many(images)
    assert [reading.text for reading in after] == [reading.text for reading in before]
    assert [reading.confidences for reading in after] == [reading.confidences for reading in before]
    expected = RECORD.scaling.apply([reading.confidence for reading in before])
    assert [reading.confidence for reading in after] == pytest.approx(expected)
    assert abs(before[0].confidence - after[0].confidence) > 0.01
    opened = open_model(files["calibrated"]).read(images, beam_width)
    assert [reading.confidence for reading in opened] == pytest.approx(expected)


def test_a_config_beside_the_file_changes_nothing(files, images):
    with_config = Recognizer(files["calibrated"], config=TINY)
    assert with_config.read(images[0]) == Recognizer(files["calibrated"]).read(images[0])


def test_eval_prints_and_records_the_error(files, tmp_path, capsys):
    import eval_lpr
    from lp_recognition.images.image import write_image
    from lp_recognition.settings.loading import save_settings

    rng = np.random.default_rng(2)
    picture = np.repeat(np.repeat(rng.integers(0, 256, (9, 1, 6, 1)), 24, 1), 8, 2).repeat(3, 3).astype(np.uint8)
    for number, image in enumerate(picture):
        write_image(tmp_path / f"{number}.png", image)
    texts = [reading.text or "A" for reading in Recognizer(files["plain"]).read_many(picture)]
    write_annotations(tmp_path / "list.txt", [(f"{n}.png", text if n % 3 else "京") for n, text in enumerate(texts)])
    save_settings(TINY, tmp_path / "config.yaml")
    for name, words in (("plain", "plain probabilities as confidences"), ("calibrated", "calibrated confidences")):
        arguments = [str(tmp_path / "config.yaml"), "--model", str(files[name]), f"eval.output_dir={tmp_path / name}"]
        assert eval_lpr.main([*arguments, f"eval.file_list_path={tmp_path / 'list.txt'}"]) == 0
        output = capsys.readouterr().out
        record = json.loads((tmp_path / name / "eval.json").read_text(encoding="utf-8"))
        assert f"\nexpected calibration error: {100 * record['ece']:.2f}% ({words})\n" in output
        assert record["is_calibrated"] == (name == "calibrated")
        readings = Recognizer(files[name]).read_many(picture)
        right = [reading.text == label for reading, label in zip(readings, labels(tmp_path / "list.txt"), strict=True)]
        assert record["ece"] == pytest.approx(
            expected_calibration_error([reading.confidence for reading in readings], right)
        )


def labels(path: Path) -> list[str]:
    return [line.split(" ")[1] for line in path.read_text(encoding="utf-8").splitlines()]


# ---- Exporting -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_an_exported_file_carries_its_calibration(tmp_path, capsys):
    import export_frozen_graph

    # Texts that the random network reads, and some that it does not.
    plain = Recognizer(exported() / "graph_int8.tflite")
    paths = [folder() / "crops" / f"{number}.png" for number in range(24)]
    readings = plain.read_many(paths)
    rows = [
        (path, reading.text if n % 2 else "京A") for n, (path, reading) in enumerate(zip(paths, readings, strict=True))
    ]
    write_annotations(tmp_path / "cal.txt", [(path, text or "沪B") for path, text in rows])
    arguments = ["--checkpoint", str(folder() / "model.ckpt-7.ckpt"), "--output_dir", str(tmp_path / "out")]
    arguments += ["--tflite", "int8", "--calibration_list", str(tmp_path / "cal.txt")]
    assert export_frozen_graph.main([str(config_file()), "eval.beam_width=4", *arguments]) == 0
    path = tmp_path / "out" / "graph_int8.tflite"
    described = read_description(path)
    assert described is not None
    record = described.calibration
    assert isinstance(record, CalibrationRecord)
    assert (record.plates, record.lists) == (24, "cal.txt")
    assert path.with_suffix(".yaml").read_text(encoding="utf-8") == described.to_yaml()
    assert (
        f"calibrated {100 * record.ece_after:.2f}% (cross-fitted, on 24 plates of cal.txt)" in capsys.readouterr().out
    )

    # It is the fit of what the file itself reads, on the best path, whatever the config decodes with.
    right = [reading.text == label for reading, label in zip(readings, labels(tmp_path / "cal.txt"), strict=True)]
    confidences = [reading.confidence for reading in readings]
    assert 0 < sum(right) < 24
    assert record.scaling == Calibration.fit(confidences, right)
    assert record.ece_before == pytest.approx(expected_calibration_error(confidences, right), abs=1e-6)
    crossed = cross_calibrate(confidences, right, labels(tmp_path / "cal.txt"))
    assert record.ece_after == pytest.approx(expected_calibration_error(crossed, right), abs=1e-6)
    calibrated = Recognizer(path).read_many(paths)
    assert [reading.confidence for reading in calibrated] == pytest.approx(record.scaling.apply(confidences))
    assert open_model(tmp_path / "out" / "graph.pb.frozen").calibration is not None
    assert open_model(folder() / "model.ckpt-7.ckpt", CONFIG).calibration is None


def test_one_plate_is_no_list_to_calibrate_on(tmp_path):
    import export_frozen_graph

    write_annotations(tmp_path / "cal.txt", [(folder() / "crops" / f"{number}.png", "京A00011") for number in range(3)])
    arguments = ["--checkpoint", str(folder() / "float.ckpt"), "--output_dir", str(tmp_path / "out")]
    with pytest.raises(
        UserError, match=r"--calibration_list: cal\.txt: expected at least 2 different plates, received 1"
    ):
        export_frozen_graph.main([str(config_file()), *arguments, "--calibration_list", str(tmp_path / "cal.txt")])
    assert not (tmp_path / "out" / "graph.pb.frozen").exists()

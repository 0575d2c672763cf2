"""Metrics: worked examples, and the laws of edit distance."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lp_recognition.evaluation.metrics import (
    align,
    edit_distance,
    evaluate_readings,
    fits_patterns,
    format_csv,
    judge_readings,
    wilson_interval,
)
from lp_recognition.system.tables import format_table
from lp_recognition.texts.vocabulary import PROVINCE_NAMES, Vocabulary

PLAIN = Vocabulary(tuple("京皖沪ABCO01234I5678"))
texts = st.text("AB01", max_size=7)


def test_figures_of_a_worked_example():
    labels = ["皖A12345", "皖B12345", "沪C12345", "京A1234"]
    readings = ["皖A12345", "沪B12345", "沪C1245", ""]
    metrics = evaluate_readings(readings, labels, PLAIN)
    assert (metrics.plates, metrics.right, metrics.lp_rr) == (4, 1, 0.25)
    assert metrics.lp_rr_at_most_one_wrong == 0.75  # a substitution and a deletion are one each
    assert metrics.lp_rr_last_six == 0.5  # the second has only its province wrong
    assert metrics.mean_edit_distance == (0 + 1 + 1 + 6) / 4
    assert metrics.character_accuracy == pytest.approx(1 - 8 / 27)
    assert metrics.lp_rr_with_patterns is None
    assert metrics.fits_no_pattern is None
    assert {key: (group.plates, group.right) for key, group in metrics.by_first_character.items()} == {
        "皖": (2, 1), "京": (1, 0), "沪": (1, 0),
    }  # fmt: skip
    assert {key: group.lp_rr for key, group in metrics.by_length.items()} == {6: 0, 7: pytest.approx(1 / 3)}
    assert ("皖", "沪", 1) in metrics.confusions
    assert ("3", "", 2) in metrics.confusions


@pytest.mark.parametrize(
    ("label", "reading", "right"),
    [
        ("皖A12345", "沪A12345", True),  # the first of seven is not among them
        ("皖A12345", "皖B12345", False),  # the second is
        ("皖A12345", "皖A12346", False),
        ("皖A12345", "A12345", True),
        ("A12345", "B12345", False),
        ("京皖A12345", "皖京A12345", True),  # of eight, two are not
        ("京皖A12345", "京皖B12345", False),
        ("A1", "B1", False),
        ("A1", "A1", True),
    ],
)
def test_the_last_six_are_six(label, reading, right):
    assert judge_readings([reading], [label], PLAIN)[0].right_last_six is right


def test_most_confused_pair_comes_first():
    metrics = evaluate_readings(["A0", "A0", "B1", "A1A"], ["AO", "BO", "BI", "A1"], PLAIN)
    assert metrics.confusions[0] == ("O", "0", 2)
    assert ("", "A", 1) in metrics.confusions  # read where nothing stands
    assert sum(count for _, _, count in metrics.confusions) == 5


def test_groups_stand_in_order():
    labels = ["沪A", "皖A", "皖B1", "京A", "皖A", "沪A"]
    metrics = evaluate_readings(labels, labels, PLAIN)
    assert list(metrics.by_first_character) == ["皖", "沪", "京"]  # the most frequent first
    assert list(metrics.by_length) == [2, 3]


def test_symbols_are_compared_and_not_characters():
    metrics = evaluate_readings(["<Anhui>A12345"], ["<Shanghai>A12345"], PLAIN)
    assert metrics.mean_edit_distance == 1
    assert metrics.lp_rr_last_six == 1
    assert list(metrics.by_length) == [7]
    assert list(metrics.by_first_character) == ["<Shanghai>"]
    assert metrics.confusions == (("<Shanghai>", "<Anhui>", 1),)


def test_both_sides_are_merged():
    merged = Vocabulary(PLAIN.symbols, use_h_concat=True, use_oi_concat=True)
    metrics = evaluate_readings(["<H>A01", "<H>AOI"], ["皖AOI", "<Shanghai>A01"], merged)
    assert metrics.lp_rr == 1
    assert list(metrics.by_first_character) == ["<Shanghai>", "皖"]  # by the label as it is written
    assert evaluate_readings(["<H>A01"], ["皖AOI"], PLAIN).lp_rr == 0


def test_patterns_make_wrong_and_never_right_and_no_plate_leaves():
    labels = ["皖A12345", "皖A123", "沪B12345"]  # the second label itself fits no pattern: it stays
    readings = ["皖A12345", "皖A123", "AAAAAA"]
    metrics = evaluate_readings(readings, labels, PLAIN, ["[皖沪][A-Z][0-9]{5}"])
    assert metrics.plates == 3
    assert metrics.lp_rr == pytest.approx(2 / 3)
    assert metrics.lp_rr_with_patterns == pytest.approx(1 / 3)
    assert metrics.fits_no_pattern == 2


def test_a_pattern_is_matched_as_a_whole():
    assert fits_patterns("A12", PLAIN, ["A1", "[A-Z][0-9]{2}"])
    assert not fits_patterns("A123", PLAIN, ["A12", "12"])
    assert fits_patterns("A12", PLAIN, ["^A12$"])


def test_a_reading_fits_by_any_text_it_may_stand_for():
    merged = Vocabulary(PLAIN.symbols, use_h_concat=True, use_oi_concat=True)
    assert fits_patterns("<H>00", merged, ["沪O0"])
    assert fits_patterns("1", merged, ["I"])
    assert not fits_patterns("<H>A", merged, ["粤A"])  # not in the alphabet
    assert not fits_patterns("00", PLAIN, ["O0"])


def test_a_text_with_countless_meanings_is_tried_in_bounded_time():
    merged = Vocabulary((*PROVINCE_NAMES, *"AO0I1"), use_h_concat=True, use_oi_concat=True)
    assert not fits_patterns("<H>" * 40, merged, ["A"])


def test_clipped_and_empty():
    assert evaluate_readings(["AAAAAAAA"], ["B"], PLAIN).character_accuracy == 0
    metrics = evaluate_readings(["", "A"], ["", ""], PLAIN)
    assert (metrics.lp_rr, metrics.character_accuracy, list(metrics.by_first_character)) == (0.5, 0, [""])
    assert evaluate_readings([""], [""], PLAIN).character_accuracy == 1


def test_lists_must_match():
    with pytest.raises(ValueError, match="each of 2 labels, received 1"):
        evaluate_readings(["A"], ["A", "B"], PLAIN)
    with pytest.raises(ValueError, match="at least one plate"):
        evaluate_readings([], [], PLAIN)


@pytest.mark.parametrize(
    ("right", "plates", "interval"),
    [
        (0, 10, (0.0, 0.2775)),
        (10, 10, (0.7225, 1.0)),
        (5, 10, (0.2366, 0.7634)),
        (152, 200, (0.6963, 0.8139)),
        (1, 1, (0.2065, 1.0)),
    ],
)
def test_wilson_interval(right, plates, interval):
    assert wilson_interval(right, plates) == pytest.approx(interval, abs=1e-4)


@given(st.integers(1, 10_000), st.floats(0, 1))
@settings(deadline=None)
def test_interval_holds_the_share_and_is_symmetric(plates, share):
    right = round(share * plates)
    low, high = wilson_interval(right, plates)
    assert 0 <= low <= right / plates + 1e-12
    assert right / plates - 1e-12 <= high <= 1
    assert wilson_interval(plates - right, plates) == pytest.approx((1 - high, 1 - low))


@pytest.mark.parametrize(
    ("first", "second", "distance"),
    [("", "", 0), ("ABC", "", 3), ("", "AB", 2), ("ABC", "ABC", 0), ("ABC", "AXC", 1), ("ABC", "BC", 1),
     ("KITTEN", "SITTING", 3), ("AB", "BA", 2)],
)  # fmt: skip
def test_edit_distance(first, second, distance):
    assert edit_distance(first, second) == distance


@given(texts, texts, texts)
@settings(deadline=None)
def test_edit_distance_is_a_distance(a, b, c):
    assert (edit_distance(a, b) == 0) == (a == b)
    assert edit_distance(a, b) == edit_distance(b, a)
    assert edit_distance(a, c) <= edit_distance(a, b) + edit_distance(b, c)
    assert abs(len(a) - len(b)) <= edit_distance(a, b) <= max(len(a), len(b))


@given(texts, texts)
@settings(deadline=None)
def test_an_alignment_holds_both_texts_whole(a, b):
    pairs = align(a, b)
    assert "".join(true for true, _ in pairs) == a
    assert "".join(read for _, read in pairs) == b
    assert ("", "") not in pairs


@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=20))
@settings(deadline=None)
def test_figures_are_consistent(pairs):
    metrics = evaluate_readings([read for read, _ in pairs], [true for _, true in pairs], PLAIN, ["A[01]*"])
    assert metrics.lp_rr_interval[0] <= metrics.lp_rr <= metrics.lp_rr_interval[1]
    assert metrics.lp_rr_with_patterns <= metrics.lp_rr <= metrics.lp_rr_last_six
    assert metrics.lp_rr <= metrics.lp_rr_at_most_one_wrong
    for groups in (metrics.by_first_character, metrics.by_length):
        assert sum(group.plates for group in groups.values()) == metrics.plates
        assert sum(group.right for group in groups.values()) == metrics.right
    wrong = sum(count for _, _, count in metrics.confusions)
    assert wrong == pytest.approx(metrics.mean_edit_distance * metrics.plates)


def test_json_holds_every_figure():
    metrics = evaluate_readings(["皖A1", "皖A2"], ["皖A1", "皖A1"], PLAIN, ["皖A1"])
    values = json.loads(json.dumps(metrics.to_dict()))
    assert set(values) == set(metrics.__dataclass_fields__)
    assert values["by_first_character"] == {"皖": {"plates": 2, "right": 1, "lp_rr": 0.5}}
    assert values["by_length"] == {"3": {"plates": 2, "right": 1, "lp_rr": 0.5}}
    assert values["confusions"] == [{"true": "1", "read": "2", "count": 1}]
    assert values["lp_rr_with_patterns"] == 0.5


def test_table_for_a_person():
    table = evaluate_readings(["皖A1", "皖A"], ["皖A1", "皖A1"], PLAIN, ["皖A1"]).to_table()
    assert "50.0% (1 right; 95% interval 9.5% to 90.5%)" in table
    assert "| LP-RR, misfits counted wrong" in table
    assert "1 readings fit no pattern" in table
    assert "| 1    | (none) |     1 |" in table
    assert "patterns" not in evaluate_readings(["A"], ["A"], PLAIN).to_table()


def test_table_is_straight_and_escapes():
    assert format_table(("name", "count"), [("皖", 2), ("a|b", 13)]).splitlines() == [
        "| name | count |",
        "| ---- | ----: |",
        "| 皖   |     2 |",
        "| a\\|b |    13 |",
    ]
    assert format_table(("a", "b"), []).splitlines() == ["| a   | b   |", "| --- | --- |"]


def test_csv_has_a_row_per_plate():
    labels, readings = ["皖A1", "B2"], ["皖A1", "B"]
    text = format_csv(
        ['a, "b".jpg', "c.jpg"], labels, readings, [0.5, 1 / 3], judge_readings(readings, labels, PLAIN, ["皖A1"])
    )
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[0] == {
        "path": 'a, "b".jpg', "label": "皖A1", "reading": "皖A1", "right": "1", "edit_distance": "0",
        "confidence": "0.500000", "fits_pattern": "1",
    }  # fmt: skip
    assert (rows[1]["right"], rows[1]["edit_distance"], rows[1]["fits_pattern"]) == ("0", "1", "0")
    without = format_csv(["a"], ["A"], ["A"], [1.0], judge_readings(["A"], ["A"], PLAIN))
    assert without.splitlines()[1] == "a,A,A,1,0,1.000000,"


def test_csv_has_three_columns_more_where_it_was_read_by_patterns_too():
    text = format_csv(["a", "b"], ["A", "B"], ["A", "C"], [1.0, 0.5], judge_readings(["A", "C"], ["A", "B"], PLAIN),
                      [("A", 0.9, True), ("B", 0.25, True)])  # fmt: skip
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["reading_by_patterns"], row["right_by_patterns"], row["confidence_by_patterns"]) for row in rows] == [
        ("A", "1", "0.900000"),
        ("B", "1", "0.250000"),
    ]
    assert [(row["reading"], row["right"]) for row in rows] == [("A", "1"), ("C", "0")]

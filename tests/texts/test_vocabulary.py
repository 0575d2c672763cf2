"""Vocabulary: every symbol there and back, merged classes, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lp_recognition.texts.vocabulary import (
    CHINESE,
    PROVINCE_NAMES,
    Vocabulary,
    VocabularyError,
    is_chinese,
    min_time_steps,
    split_symbols,
)

SYMBOLS = (*PROVINCE_NAMES, "<Beijing>", "<Anhui>", *"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
FULL = Vocabulary(SYMBOLS)


@pytest.mark.parametrize(
    ("label", "symbols"),
    [
        ("<Beijing>A1", ["<Beijing>", "A", "1"]),
        ("京A1", ["京", "A", "1"]),
        ("", []),
        ("<A", ["<", "A"]),
        ("A>", ["A", ">"]),
        ("<>", ["<", ">"]),
        ("<<A>", ["<", "<A>"]),
        ("<A><B>", ["<A>", "<B>"]),
    ],
)
def test_a_label_is_split_into_symbols(label, symbols):
    assert split_symbols(label) == symbols


@given(st.text())
@settings(deadline=None)
def test_splitting_loses_nothing(label):
    assert "".join(split_symbols(label)) == label


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_every_symbol_there_and_back(symbol):
    assert FULL.decode(FULL.encode(symbol)) == symbol


@given(st.lists(st.sampled_from(SYMBOLS), max_size=12), st.booleans(), st.booleans())
@settings(deadline=None)
def test_labels_there_and_back_in_merged_form(symbols, use_h_concat, use_oi_concat):
    vocabulary = Vocabulary(SYMBOLS, use_h_concat, use_oi_concat)
    label = "".join(symbols)
    indices = vocabulary.encode(label)
    assert len(indices) == len(symbols)
    assert all(0 <= index < vocabulary.blank_index for index in indices)
    assert vocabulary.decode(indices) == vocabulary.merge(label)
    assert vocabulary.merge(vocabulary.merge(label)) == vocabulary.merge(label)
    assert vocabulary.encode(vocabulary.merge(label)) == indices


def test_blank_is_the_last_class():
    vocabulary = Vocabulary(tuple("AB"))
    assert (vocabulary.classes, vocabulary.blank_index, vocabulary.num_classes) == (("A", "B"), 2, 3)


def test_order_of_the_alphabet_is_the_order_of_the_classes():
    assert Vocabulary(tuple("BA1")).encode("1AB") == [2, 1, 0]


def test_merging_makes_fewer_classes():
    vocabulary = Vocabulary(tuple("京A0O1I沪"), use_h_concat=True, use_oi_concat=True)
    assert vocabulary.classes == (CHINESE, "A", "0", "1")
    assert vocabulary.encode("沪AOI") == vocabulary.encode("京A01") == [0, 1, 2, 3]
    assert vocabulary.decode([0, 1, 2, 3]) == "<H>A01"
    assert vocabulary.merge("<Beijing>AO") == "<H>A0"
    assert Vocabulary(tuple("OI"), use_oi_concat=True).classes == ("0", "1")  # also where the digits are not there


def test_readings_are_all_that_a_text_may_stand_for():
    vocabulary = Vocabulary(tuple("京沪AO0I"), use_h_concat=True, use_oi_concat=True)
    assert set(vocabulary.readings("<H>0A")) == {"京0A", "京OA", "沪0A", "沪OA"}
    assert set(vocabulary.readings("1")) == {"1", "I"}
    assert list(Vocabulary(tuple("京0O")).readings("京0")) == ["京0"]
    assert list(vocabulary.readings("")) == [""]


@given(st.lists(st.sampled_from(SYMBOLS), max_size=2))
@settings(deadline=None)
def test_every_reading_is_the_same_for_the_model(symbols):
    vocabulary = Vocabulary(SYMBOLS, use_h_concat=True, use_oi_concat=True)
    label = "".join(symbols)
    readings = list(vocabulary.readings(vocabulary.merge(label)))
    assert label in readings
    assert {vocabulary.merge(reading) for reading in readings} == {vocabulary.merge(label)}


def test_alphabet_of_labels_does_not_depend_on_their_order():
    first, second = Vocabulary.from_labels(["京A1", "<Beijing>B"]), Vocabulary.from_labels(["<Beijing>B", "京A1"])
    assert first == second
    assert set(first.symbols) == {"京", "A", "1", "<Beijing>", "B"}


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [
        ("京", True),
        ("<Beijing>", True),
        ("A", False),
        ("é", False),
        ("0", False),
        ("\u3400", True),
        ("\u9fff", True),
        ("\u33ff", False),
        ("\ua000", False),
        ("龥", True),
    ],
)
def test_which_symbols_count_as_chinese(symbol, expected):
    assert is_chinese(symbol) is expected


@pytest.mark.parametrize(
    ("label", "steps"), [("", 0), ("A", 1), ("AB", 2), ("AA", 3), ("AAA", 5), ("ABAB", 4), ("AABB", 6)]
)
def test_ctc_needs_a_step_for_each_character_and_between_equal_ones(label, steps):
    assert min_time_steps(Vocabulary(tuple("AB")).encode(label)) == steps


@pytest.mark.parametrize(
    ("symbols", "message"),
    [
        ((), "at least one character, received none"),
        (("AB",), "single characters or names in angle brackets, received 'AB'"),
        ((" ",), "received ' '"),
        (("",), "received ''"),
        (("<A><B>",), "received '<A><B>'"),
        (("A", "B", "A"), "each character once, received A twice"),
    ],
)
def test_an_illegal_alphabet_is_refused(symbols, message):
    with pytest.raises(VocabularyError, match=message):
        Vocabulary(symbols)


def test_a_symbol_outside_the_alphabet_is_named():
    with pytest.raises(VocabularyError, match="received '京' 'Z' in '京AZ'"):
        Vocabulary(tuple("AB")).encode("京AZ")
    with pytest.raises(VocabularyError, match="'<Beijing>'"):
        Vocabulary(tuple("京A")).encode("<Beijing>A")

"""Labels: what looks the same is read the same, what is legal stays, and the same plate is known however written."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lp_recognition.settings.loading import dump_settings, parse_settings
from lp_recognition.settings.recognition import RecognitionConfig
from lp_recognition.texts.normal_form import (
    lookalike,
    lookalikes_among,
    mixed_scripts,
    name_of,
    normal_form,
    odd_characters,
    plate_key,
    scripts_of,
)
from lp_recognition.texts.vocabulary import Vocabulary, VocabularyError, plate_of, split_symbols

#: A plate, and ways to write it that nobody can tell apart.
ALIKE = [
    ("皖A12345", "皖\u200bA12345"),
    ("皖A12345", "\ufeff皖A12345"),
    ("皖A12345", "\u200e皖A12345\u202c"),
    ("皖A12345", "皖A12345\ufe0f"),
    ("皖A12345", "皖Ａ１２３４５"),
    ("皖A12345", "皖\u3000A12345"),
    ("皖A12345", "皖A\u00a012345"),
    ("皖A12345", "皖A\u00ad12345"),
    ("<Anhui>A1", "＜Anhui＞A1"),
    ("MÜ-X1", "MU\u0308-X1"),
    ("黑A1", "⿊A1"),
    ("A1", "𝐀𝟏"),
    ("ア1", "ｱ1"),
    ("ب12", "ﺏ12"),
    ("豈A", "\uf900A"),
]
#: A plate, and other ways to write it.
SAME_PLATE = [
    *ALIKE,
    ("皖A12345", "<Anhui>A12345"),
    ("皖A12345", "<anhui>a12345"),
    ("皖A12345", "皖A·12345"),
    ("皖A12345", "皖A-12345"),
    ("AB1234", "ab1234"),
    ("AB1234", "АВ1234"),  # Cyrillic
    ("AB1234", "ΑΒ1234"),  # Greek
    ("AB1234", "ав1234"),
    ("AB1234", "A.B-1_2/34"),
    ("AB1234", "AB–1234"),
    ("AB1234", "AB\u20111234"),
    ("MÜX1", "mu\u0308-x 1"),
    ("ب12", "ب١٢"),
    ("ب12", "ب۱۲"),
    ("TOC1", "ТОС1"),
]


@pytest.mark.parametrize(("label", "other"), ALIKE, ids=ascii)
def test_what_looks_the_same_has_one_form(label, other):
    assert label != other
    assert normal_form(other) == label
    assert normal_form(label) == label
    assert odd_characters(other)
    assert odd_characters(label) == ""


@pytest.mark.parametrize(
    "label",
    ["皖A12345", "а123вс77", "АВ-12", "ab-cd 1", "Ü1", "O0Il1", "ΑΒΓ1", "<Anhui>A1", "กข1234", "ﾟ"[:0], "é", "ъ", "—1"],
)
def test_what_a_person_can_tell_apart_stays(label):
    assert normal_form(label) == label


@given(st.text())
def test_a_normal_form_is_its_own(label):
    once = normal_form(label)
    assert normal_form(once) == once
    assert unicodedata.is_normalized("NFC", once)


@given(st.text(st.characters(max_codepoint=0x7F)))
def test_ascii_stays_as_it_is(label):
    assert normal_form(label) == label


@pytest.mark.parametrize(("label", "other"), SAME_PLATE, ids=ascii)
def test_ways_to_write_one_plate(label, other):
    assert plate_of(label) == plate_of(other)


@pytest.mark.parametrize(
    ("label", "other"),
    [
        ("AO1", "A01"), ("AI1", "A11"), ("MÜ1", "MU1"), ("皖A1", "沪A1"), ("AB1", "BA1"), ("A1", "A2"), ("Б1", "B1"),
        ("AA1", "A1"), ("<Anhui>1", "<Shanghai>1"), ("Ъ1", "Ь1"), ("Г1", "T1"),
    ],
)  # fmt: skip
def test_other_plates_stay_apart(label, other):
    assert plate_of(label) != plate_of(other)


@given(st.text(min_size=1))
def test_every_label_names_a_plate(label):
    assert plate_of(label)
    assert plate_of(normal_form(label) or label) == plate_of(label)
    assert plate_of(plate_of(label)) == plate_of(label) or plate_of(label) == label


@pytest.mark.parametrize("label", ["-", "--·", "\u200b"])
def test_a_label_of_separators_alone_is_its_own_plate(label):
    assert plate_of(label) == label


def test_names_in_brackets_are_compared_whole():
    assert plate_key(["<a-b>", "-", "c"]) == "<A-B>C"


@pytest.mark.parametrize(
    ("symbol", "latin"),
    [
        ("А", "A"),
        ("а", "a"),
        ("Β", "B"),
        ("х", "x"),
        ("в", "в"),
        ("Т", "T"),
        ("ο", "o"),
        ("A", "A"),
        ("Ж", "Ж"),
        ("皖", "皖"),
        ("<H>", "<H>"),
    ],
)
def test_what_letters_look_like(symbol, latin):
    assert lookalike(symbol) == latin


@pytest.mark.parametrize(
    ("letters", "latin"),
    [
        ("АВЕЅІЈКМНОРСТУХԚԜҮӀ", "ABESIJKMHOPCTYXQWYI"),
        ("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹϳ", "ABEZHIKMNOPTYXCJ"),
        ("аеорсухіјѕԛԝһο", "aeopcyxijsqwho"),
    ],
)
def test_every_letter_that_looks_like_a_latin_one(letters, latin):
    assert latin.isascii() and not any(map(str.isascii, letters))
    assert "".join(map(lookalike, letters)) == latin


def test_scripts_that_are_mixed_are_named():
    assert scripts_of("皖A1") == {"LATIN"}
    assert scripts_of("АB") == {"LATIN", "CYRILLIC"}
    assert mixed_scripts("AB12") == mixed_scripts("皖A12") == mixed_scripts("АВ12") == mixed_scripts("1-2") == ""
    assert mixed_scripts("АB1") == "letters of two scripts in АB1: А (CYRILLIC CAPITAL LETTER A)"
    assert "GREEK CAPITAL LETTER BETA" in mixed_scripts("AΒ1")
    assert mixed_scripts("ΑБ1")  # Greek and Cyrillic
    assert name_of("\u200b") == "ZERO WIDTH SPACE"
    assert name_of("\u0308") == "COMBINING DIAERESIS"


def test_letters_that_look_the_same_are_grouped():
    assert lookalikes_among("ABАCΑ") == [("A", "А", "Α")]
    assert lookalikes_among("ABCabc0123OI") == []
    assert lookalikes_among("АВС") == []


# ---- Alphabets and patterns are in the form of labels, and whatever the user wants ----------------------------------


@pytest.mark.parametrize("written", ["AＢ", ["A", "Ｂ"], "A\u200bB", "\ufeffAB"])
def test_an_alphabet_is_in_normal_form(written):
    config = RecognitionConfig(alphabet=written)
    assert config.alphabet == ("A", "B")
    assert parse_settings(RecognitionConfig, dump_settings(config), "record") == config


def test_an_accent_in_two_characters_is_one_symbol():
    assert RecognitionConfig(alphabet="AU\u0308").alphabet == RecognitionConfig(alphabet=["A", "U\u0308"]).alphabet
    assert RecognitionConfig(lpr_patterns="[U\u0308]").lpr_patterns == ("[Ü]",)


@pytest.mark.parametrize("alphabet", ["АВСabc-", "АA", "аАaA-·", "กข้", "ابپ۱۲", "①²", "Ü", "+~"])
def test_what_is_legal_in_an_alphabet_is_the_users_to_say(alphabet):
    config = RecognitionConfig(alphabet=alphabet)
    vocabulary = config.vocabulary()
    assert config.alphabet == tuple(alphabet)
    label = normal_form(alphabet)
    assert vocabulary.decode(vocabulary.encode(label)) == label
    assert vocabulary.num_classes == len(alphabet) + 1


def test_an_alphabet_of_an_old_model_whose_characters_would_become_one_stays():
    assert RecognitionConfig(alphabet=["A", "Ａ"]).alphabet == ("A", "Ａ")


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("АB", "; А (CYRILLIC CAPITAL LETTER A) is not A (LATIN CAPITAL LETTER A) of the alphabet"),
        ("Ab", "; b (LATIN SMALL LETTER B) is not B (LATIN CAPITAL LETTER B) of the alphabet"),
        ("АА", "'АА'; А (CYRILLIC CAPITAL LETTER A) is not A (LATIN CAPITAL LETTER A) of the alphabet"),
        ("А-", "А (CYRILLIC CAPITAL LETTER A) is not A (LATIN CAPITAL LETTER A) of the alphabet"),
        ("в", "; в (CYRILLIC SMALL LETTER VE) is not B (LATIN CAPITAL LETTER B) of the alphabet"),
        ("AX", "received 'X' in 'AX'"),
        ("A<A>", "received '<A>' in 'A<A>'"),
    ],
)
def test_what_was_meant_by_a_character_outside_the_alphabet(label, said):
    with pytest.raises(VocabularyError) as caught:
        Vocabulary(tuple("AB")).encode(label)
    assert str(caught.value).endswith(said)


@given(st.text(min_size=1))
def test_symbols_of_a_normal_label_are_not_spaces(label):
    normal = normal_form("皖" + label)
    assert not any(symbol.isspace() and ord(symbol) > 0x85 for symbol in split_symbols(normal))


#: First and last of runs of characters that show nothing.
INVISIBLE = [
    (0xA0, 0xA0), (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F),
    (0x2000, 0x200F), (0x2028, 0x202F), (0x205F, 0x2064), (0x2066, 0x206F), (0x3000, 0x3000), (0x3164, 0x3164),
    (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF9, 0xFFFB), (0xE0001, 0xE0001), (0xE0100, 0xE01EF),
]  # fmt: skip


@pytest.mark.parametrize(("first", "last"), INVISIBLE, ids=lambda code: f"{code:X}")
def test_what_shows_nothing_is_left_out(first, last):
    for code in (first, last):
        assert normal_form(f"皖{chr(code)}A") == "皖A"
    for code in (first - 1, last + 1):
        assert normal_form(f"皖{chr(code)}A") != "皖A"


@pytest.mark.parametrize("code", [0x600, 0x605, 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD, 0x7E, 0x41])
def test_what_is_drawn_stays(code):
    assert normal_form(f"皖{chr(code)}") == f"皖{chr(code)}"


def test_kangxi_radicals_are_the_characters_they_show():
    assert normal_form("⼀⿕") == "一龠"
    assert normal_form("⿰") == "⿰"  # the next block describes characters


def test_plain_spaces_stay_for_whoever_reads_the_list_to_refuse():
    assert normal_form("皖 A\t1") == "皖 A\t1"


def test_a_pair_that_is_written_alike_is_a_group_of_two():
    assert lookalikes_among("AА") == [("A", "А")]
    assert lookalikes_among("A") == []

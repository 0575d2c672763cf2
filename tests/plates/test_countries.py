"""Which country a plate may be of: no more is told than its text says."""

from __future__ import annotations

import pytest

from lp_recognition.plates.countries import UNKNOWN, Region, countries_of, has_lines, is_known, region_of


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("皖A·Y339S", Region("cn-ah", 1.0)),
        ("<Anhui>AY339S", Region("cn-ah", 1.0)),
        ("01 A 123 BC", Region("uz", 0.5)),
        ("ABC1D23", Region("br", 0.5)),
        ("ABC1234", UNKNOWN),  # of the USA, Germany, Brazil
        ("", UNKNOWN),
        ("?", UNKNOWN),
    ],
)
def test_a_text_tells_its_country_where_no_other_one_fits(text, region):
    assert region_of(text) == region


@pytest.mark.parametrize(
    ("text", "named", "region"),
    [
        ("ABC1234", ["gb", "us"], Region("us", 1.0)),
        ("ABC1234", ["us-ca", "br"], Region("us-ca", 0.5)),
        ("01A123BC", ["cz"], UNKNOWN),
        ("皖AY339S", ["cz"], Region("cn-ah", 1.0)),
    ],
)
def test_who_asks_may_know_more(text, named, region):
    assert region_of(text, named) == region


def test_countries_are_known_by_their_formats():
    assert {"us", "br"} < countries_of("abc-1234")
    assert is_known("us-ca") and is_known("CZ") and not is_known("gb")


@pytest.mark.parametrize(
    ("lines", "known"),
    [
        (("京A", "C9261"), True), (("京·a", "c9261"), True), (("59-X1", "234.56"), True), (("ABC", "1D23"), True),
        (("京A", "C926"), False), (("A", "C9261"), False), (("京AC9261",), False),
        (("京A", "C9", "261"), False), ((), False),
    ],
)  # fmt: skip
def test_lines_of_plates_of_several(lines, known):
    assert has_lines(lines) is known

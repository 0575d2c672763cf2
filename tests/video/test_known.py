"""Which known plate a reading is taken for."""

from __future__ import annotations

import random

import pytest

from lp_recognition.settings.known import KnownConfig
from lp_recognition.settings.loading import Settings, validate
from lp_recognition.system.errors import ConfigError
from lp_recognition.video.events import KnownMatch
from lp_recognition.video.known import KnownPlate, KnownPlates, known_key


def match(reading: str, *plates: str, **settings: object) -> tuple[str, str, float] | None:
    """Plate, kind and cost."""
    found = KnownPlates(map(KnownPlate, plates), KnownConfig(**settings)).match(reading)
    return None if found is None else (found.plate, found.kind, found.cost)


@pytest.mark.parametrize(
    ("plate", "reading"),
    [
        ("ab 123", "AB-123"),
        ("АВ·123", "AB123"),  # Cyrillic letters
        ("京A-12345", "<Beijing>A12345"),
        ("ＡＢ１２３", "AB123"),  # of full width
    ],
)
def test_however_it_is_written_it_is_the_same_plate(plate, reading):
    assert match(reading, plate) == (plate, "exact", 0)


@pytest.mark.parametrize(
    ("pattern", "fits", "differs"),
    [
        ("A?12*", ["AB12", "A-X 1299"], ["A12", "AB13", "BB12"]),
        ("?A*", ["京A1", "<Beijing>A12345", "XA"], ["A1"]),
        ("*", ["A", "ABC"], []),
        ("？b.1", ["AB1"], ["AAB1", "AB2", "AXX1"]),  # a dot is none of the plate
    ],
)
def test_wild_cards(pattern, fits, differs):
    for reading in fits:
        assert match(reading, pattern) == (pattern, "pattern", 0), reading
    for reading in differs:
        assert match(reading, pattern) is None, reading


def test_look_alikes_cost_less_than_other_edits():
    assert match("ABO123", "AB0123") == ("AB0123", "edits", 0.25)
    assert match("ABD1Z3", "AB0123") == ("AB0123", "edits", 0.5)
    assert match("AB0124", "AB0123") is None
    assert match("AB0124", "AB0123", edits=1) == ("AB0123", "edits", 1)
    assert match("ABO124", "AB0123", edits=1) is None
    assert match("ABO124", "AB0123", edits=1.25) == ("AB0123", "edits", 1.25)
    assert match("AB123", "AB0123", edits=1) == ("AB0123", "edits", 1)  # a character is lost
    assert match("AB00123", "AB0123", edits=1) == ("AB0123", "edits", 1)  # one is doubled
    assert match("AB0O23", "AB0023", lookalike_cost=1) is None
    assert match("ABO123", "AB0123", edits=0) is None


def test_look_alikes_of_an_alphabet_can_be_told():
    own = {"latin": ("0O",), "province": ("皖院",)}
    assert match("<Anhui>A1", "院A1", lookalikes=own) == ("院A1", "edits", 0.25)
    assert match("A8", "AB", lookalikes=own) is None
    assert match("AO", "A0", lookalikes=own) == ("A0", "edits", 0.25)


def test_groups_that_share_a_character_are_not_alike_as_a_whole():
    chain = {"latin": ("0O", "OQ")}
    assert match("AQ", "AO", lookalikes=chain) == ("AO", "edits", 0.25)
    assert match("AQ", "A0", lookalikes=chain) is None


def test_a_name_in_angle_brackets_is_one_character():
    assert match("<Beijing>A1", "<Shanghai>A1", edits=1) == ("<Shanghai>A1", "edits", 1)


def test_the_cheapest_match_wins_and_ties_are_the_first_by_the_alphabet():
    assert match("AB12", "*", "AB12", "A?12") == ("AB12", "exact", 0)
    assert match("AB12", "*", "A*", "A?12", "A???") == ("A?12", "pattern", 0)
    assert match("A8O", "AB0", "ABO", "A?*", edits=1) == ("A?*", "pattern", 0)
    assert match("A8O", "AB0", "ABO", edits=1) == ("ABO", "edits", 0.25)
    assert match("AOO", "A0O", "AO0") == match("AOO", "AO0", "A0O") == ("A0O", "edits", 0.25)


def test_the_record_comes_along():
    plates = KnownPlates([KnownPlate("AB 12", "the baker", {"flat": "7"})])
    assert plates.match("AB12") == KnownMatch("AB 12", "exact", 0.0, "the baker", {"flat": "7"})
    assert plates.match("AB13") is plates.match("") is plates.match("-") is None
    assert len(plates) == 1


def test_the_short_cuts_find_what_weighing_every_plate_finds():
    generator = random.Random(4)
    texts = ["".join(generator.choices("AB08OD1I", k=generator.randint(3, 5))) for _ in range(300)]
    config = KnownConfig(edits=1.5)
    plates = KnownPlates(map(KnownPlate, texts), config)
    for reading in ("".join(generator.choices("AB08OD1I", k=4)) for _ in range(60)):
        costs = {text: plates._distance(reading, text) for text in texts}
        best = min(costs.values())
        expected = min(text for text, cost in costs.items() if cost == best) if best <= 1.5 else None
        found = plates.match(reading)
        assert (found and (found.plate, found.cost)) == (expected and (expected, best))


def test_keys_keep_wild_cards_and_nothing_of_what_stands_between():
    assert known_key(" a?-*·12 ") == "A?*12"
    assert known_key("- ·") == ""


def test_settings_out_of_range_are_refused():
    class Config(Settings):
        known: KnownConfig = KnownConfig()

    with pytest.raises(ConfigError, match=r"known\.edits: expected less than or equal to 4, received 9"):
        validate(Config, {"known": {"edits": 9}}, "streams.yaml")

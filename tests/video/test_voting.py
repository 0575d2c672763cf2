"""Votes over looks: aligned where lengths differ, by probabilities, and whatever their order."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_passages import look

from lp_recognition.video.events import Look
from lp_recognition.video.voting import Ballot, Vote

TEXTS = st.text("AB128", min_size=1, max_size=7)
LOOKS = st.lists(
    st.builds(look, TEXTS, st.sampled_from([0.0, 0.2, 0.5, 0.9, 1.0])), min_size=1, max_size=8
)  # fmt: skip


def vote(*looks: Look) -> Vote:
    ballot = Ballot()
    for one in looks:
        ballot.add(one)
    return ballot.result()


def test_each_symbol_is_voted_on_by_itself():
    assert vote(look("AX123"), look("AB1Z3"), look("8B123")).text == "AB123"  # which none of the looks says


@pytest.mark.parametrize(
    "texts",
    [
        ("AB1123", "AB123", "AB1123"),  # a lost symbol
        ("AB1123", "AB11123", "AB1123"),  # a doubled one
        ("B1123", "AB112", "AB1123"),  # at the ends
        ("A1123", "AB1128", "AB123", "AB1123"),
    ],
)
def test_looks_of_other_lengths_are_aligned(texts):
    assert vote(*map(look, texts)).text == "AB1123"


def test_what_a_look_is_torn_between_counts():
    torn = look("AB1", 0.5, [[("A", 1.0)], [("B", 0.51), ("8", 0.49)], [("1", 1.0)]])
    sure = look("A81", 0.5, [[("A", 1.0)], [("8", 0.9), ("B", 0.1)], [("1", 1.0)]])
    assert vote(torn, torn, sure).text == "A81"  # two of three texts say B
    assert [one.text for one in vote(torn, torn, sure).candidates] == ["A81", "AB1"]


def test_a_blank_among_the_alternatives_speaks_for_nothing():
    doubled = look("A11", 0.5, [[("A", 1.0)], [("1", 0.9)], [("1", 0.5), ("", 0.5)]])
    assert vote(doubled, look("A1", 0.4)).text == "A1"


def test_a_sure_look_outweighs_two_doubtful_ones():
    assert vote(look("AB128", 0.85), look("AB123", 0.97), look("AB128", 0.8)).text == "AB123"
    assert vote(look("AB128", 0.85), look("AB123", 0.90), look("AB128", 0.8)).text == "AB128"


def test_a_reader_that_writes_no_chinese_says_little_against_it():
    latin = [look("A12345", 0.9, reader="latin")] * 4
    assert vote(*latin, look("皖A12345", 0.85, reader="chinese")).text == "皖A12345"
    assert vote(*[look("A12345", 0.9, reader="chinese")] * 4, look("皖A12345", 0.85, reader="chinese")).text == "A12345"
    assert vote(*latin * 5, look("皖A12345", 0.5, reader="chinese")).text == "A12345"


def test_a_single_look_is_as_sure_as_its_reader_says():
    found = vote(look("AB123", 0.6))
    assert (found.text, found.confidence, found.look_count, found.agreeing_count) == ("AB123", 0.6, 1, 1)


def test_agreeing_looks_are_those_of_the_very_text():
    found = vote(look("AB123"), look("AB128", 0.5), look("AB123"))
    assert (found.look_count, found.agreeing_count) == (3, 2)


def test_names_of_symbols_are_one_symbol():
    found = vote(look("<Anhui>A1"), look("<Anhui>A1"), look("A1"))
    assert found.text == "<Anhui>A1"
    assert len(found.confidences) == 3


def test_no_look_is_no_vote():
    with pytest.raises(ValueError, match="expected at least one look"):
        Ballot().result()
    with pytest.raises(ValueError, match="expected at least one look"):
        vote(look(""))


@given(LOOKS, st.randoms())
@settings(max_examples=60, deadline=None)
def test_the_order_of_looks_is_of_no_account(looks, random):
    shuffled = list(looks)
    random.shuffle(shuffled)
    first, second = vote(*looks), vote(*shuffled)
    assert first.text == second.text
    assert first.confidence == pytest.approx(second.confidence)


@given(LOOKS, LOOKS)
@settings(max_examples=60, deadline=None)
def test_two_ballots_are_one(some, others):
    first, second = Ballot(), Ballot()
    for ballot, looks in ((first, some), (second, others)):
        for one in looks:
            ballot.add(one)
    first.add_all(second)
    assert first.result().text == vote(*some, *others).text
    assert first.look_count == len(some) + len(others)


@given(TEXTS, st.integers(1, 6))
@settings(max_examples=60, deadline=None)
def test_looks_that_agree_are_believed(text, count):
    found = vote(*[look(text, 0.7)] * count)
    assert (found.text, found.agreeing_count) == (text, count)


@given(LOOKS)
@settings(max_examples=100, deadline=None)
def test_what_a_vote_tells_fits_together(looks):
    found = vote(*looks)
    assert found.text
    assert len(found.confidences) == len(found.text)
    assert all(0 <= value <= 1 + 1e-9 for value in (found.confidence, *found.confidences))
    assert found.candidates[0].text == found.text
    assert len({one.text for one in found.candidates}) == len(found.candidates) <= 5
    assert sum(one.confidence for one in found.candidates) <= 1 + 1e-6
    assert 0 <= found.agreeing_count <= found.look_count == len(looks)


@given(TEXTS.filter(lambda text: len(text) > 2), st.data())
@settings(max_examples=60, deadline=None)
def test_one_bad_look_of_three_changes_nothing(text, data):
    place = data.draw(st.integers(0, len(text) - 1))
    bad = data.draw(st.sampled_from([text[:place] + text[place + 1 :], text[:place] + "X" + text[place + 1 :]]))
    assert vote(look(text), look(bad), look(text)).text == text

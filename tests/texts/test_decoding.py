"""Decoding: hand-written tables, and everything else against the sum over all paths."""

from __future__ import annotations

import numpy as np
import pytest
from ctc_by_hand import all_texts, collapse
from hypothesis import given, settings
from hypothesis import strategies as st

from lp_recognition.texts.decoding import decode, decode_beam, decode_greedy

BLANK = 2


def table(path: str, probability: float = 0.9) -> np.ndarray:
    """Logits `(1, time, 3)` whose best path is `path` of A, B and the blank `_`."""
    classes = ["AB_".index(character) for character in path]
    probabilities = np.full((len(path), 3), (1 - probability) / 2)
    probabilities[np.arange(len(path)), classes] = probability
    return np.log(probabilities)[None].astype(np.float32)


@st.composite
def small_tables(draw: st.DrawFn) -> tuple[np.ndarray, int]:
    steps, classes = draw(st.integers(0, 5)), draw(st.integers(1, 4))
    seed = draw(st.integers(0, 2**32 - 1))
    spread = draw(st.sampled_from([0.3, 2.0, 8.0]))
    logits = np.random.default_rng(seed).normal(0, spread, (1, steps, classes))
    return logits, draw(st.integers(0, classes - 1))


@pytest.mark.parametrize("beam_width", [1, 8])
@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("A_A", "AA"),
        ("AA", "A"),
        ("A", "A"),  # the first time step counts
        ("AB", "AB"),
        ("_AA_B", "AB"),
        ("AA_AB__B", "AABB"),
        ("___", ""),
        ("ABA", "ABA"),
    ],
)
def test_collapses_runs_and_drops_blanks(path, text, beam_width):
    [decoded] = decode(table(path), BLANK, beam_width)
    assert "".join("AB"[index] for index in decoded.indices) == text
    assert len(decoded.confidences) == len(text)


def test_character_confidence_is_the_highest_of_its_run():
    probabilities = np.array([[0.6, 0.1, 0.3], [0.8, 0.1, 0.1], [0.1, 0.1, 0.8], [0.7, 0.1, 0.2]])
    for decoded in (
        *decode_greedy(np.log(probabilities)[None], BLANK),
        *decode_beam(np.log(probabilities)[None], BLANK, 9),
    ):
        assert decoded.indices == (0, 0)
        assert decoded.confidences == pytest.approx((0.8, 0.7))
        assert [[index for index, _ in shares] for shares in decoded.alternatives] == [[0, 1, BLANK], [0, BLANK, 1]]
        assert [share for shares in decoded.alternatives for _, share in shares] == pytest.approx(
            (0.8, 0.1, 0.1, 0.7, 0.2, 0.1)
        )


@given(small_tables())
@settings(max_examples=100, deadline=None)
def test_each_character_stands_among_its_alternatives_with_its_confidence(sample):
    logits, blank = sample
    for decoded in (*decode_greedy(logits, blank), *decode_beam(logits, blank, 4)):
        assert len(decoded.alternatives) == len(decoded.indices)
        for index, confidence, shares in zip(decoded.indices, decoded.confidences, decoded.alternatives, strict=True):
            assert dict(shares)[index] == pytest.approx(confidence)
            assert list(dict(shares).values()) == sorted(dict(shares).values(), reverse=True)


def test_neighbouring_samples_with_the_same_class_are_not_one_run():
    logits = np.concatenate([table("AA"), table("AA"), table("__"), table("_A")])
    assert [decoded.indices for decoded in decode_greedy(logits, BLANK)] == [(0,), (0,), (), (0,)]


def test_reading_is_more_probable_than_its_best_path():
    # Two steps: A for sure on one of them, but on which? The best path alone would say 0.25.
    probabilities = np.array([[0.5, 0.0, 0.5], [0.5, 0.0, 0.5]])
    with np.errstate(divide="ignore"):
        logits = np.log(probabilities)[None]
    [decoded] = decode_greedy(logits, BLANK)
    assert decoded.indices == (0,)
    assert decoded.confidence == pytest.approx(0.75)


def test_beam_adds_up_what_greedy_cannot_see():
    # The best path is all blanks (0.36), but A is written by three paths (0.64 in all).
    logits = np.log(np.array([[0.4, 1e-9, 0.6], [0.4, 1e-9, 0.6]]))[None]
    assert decode(logits, BLANK)[0].indices == ()
    [decoded] = decode(logits, BLANK, 4)
    assert decoded.indices == (0,)
    assert decoded.confidence == pytest.approx(0.64, abs=1e-6)


@given(small_tables())
@settings(deadline=None, max_examples=150)
def test_greedy_is_the_collapsed_best_path_and_its_confidence_the_sum_over_all_paths(case):
    logits, blank_index = case
    [decoded] = decode_greedy(logits, blank_index)
    assert decoded.indices == collapse(tuple(logits[0].argmax(axis=1)), blank_index)
    assert decoded.confidence == pytest.approx(all_texts(logits[0], blank_index)[decoded.indices], abs=1e-9)


@given(small_tables())
@settings(deadline=None, max_examples=150)
def test_a_wide_beam_finds_the_most_probable_text(case):
    logits, blank_index = case
    texts = all_texts(logits[0], blank_index)
    [decoded] = decode_beam(logits, blank_index, 400)
    assert texts[decoded.indices] == pytest.approx(max(texts.values()), abs=1e-9)
    assert decoded.confidence == pytest.approx(texts[decoded.indices], abs=1e-9)


@given(small_tables(), st.integers(1, 4))
@settings(deadline=None, max_examples=100)
def test_a_narrow_beam_reports_true_probabilities(case, beam_width):
    logits, blank_index = case
    [decoded] = decode_beam(logits, blank_index, beam_width)
    assert decoded.confidence == pytest.approx(all_texts(logits[0], blank_index)[decoded.indices], abs=1e-9)
    assert all(0 <= share <= 1 for share in decoded.confidences)


@given(small_tables())
@settings(deadline=None, max_examples=100)
def test_both_searches_agree_on_confidences_where_they_agree_on_the_text(case):
    logits, blank_index = case
    [greedy], [beam] = decode_greedy(logits, blank_index), decode_beam(logits, blank_index, 400)
    if greedy.indices == beam.indices:
        assert beam.confidences == pytest.approx(greedy.confidences, abs=1e-9)
        assert beam.confidence == pytest.approx(greedy.confidence, abs=1e-9)


@pytest.mark.parametrize("beam_width", [1, 5])
def test_batch_size_never_changes_the_result(beam_width):
    logits = np.random.default_rng(7).normal(0, 4, (300, 12, 9)).astype(np.float32)  # more than a chunk
    together = decode(logits, 8, beam_width)
    assert together == [decode(logits[i : i + 1], 8, beam_width)[0] for i in range(300)]
    assert together == [one for i in range(0, 300, 7) for one in decode(logits[i : i + 7], 8, beam_width)]


@pytest.mark.parametrize("beam_width", [1, 3])
def test_blank_may_be_any_class(beam_width):
    logits = table("AB_BA")
    moved = logits[:, :, [2, 0, 1]]  # the blank first
    [last], [first] = decode(logits, 2, beam_width), decode(moved, 0, beam_width)
    assert first.indices == tuple(index + 1 for index in last.indices)
    assert first.confidence == pytest.approx(last.confidence)


@pytest.mark.parametrize("beam_width", [1, 3])
def test_constants_and_extremes_are_harmless(beam_width):
    logits = np.random.default_rng(1).normal(0, 3, (4, 7, 5))
    plain = decode(logits, 4, beam_width)
    shifted = decode(logits + 1e4, 4, beam_width)  # softmax does not see what all classes share
    assert [decoded.indices for decoded in plain] == [decoded.indices for decoded in shifted]
    assert shifted[0].confidence == pytest.approx(plain[0].confidence)
    [sure] = decode(table("A_A") * 1e6, BLANK, beam_width)
    assert sure.indices == (0, 0)
    assert sure.confidence == pytest.approx(1)
    assert sure.confidences == pytest.approx((1, 1))


@pytest.mark.parametrize("beam_width", [1, 3])
def test_nothing_to_read(beam_width):
    assert decode(np.zeros((0, 5, 3), np.float32), BLANK, beam_width) == []
    [decoded] = decode(np.zeros((1, 0, 3), np.float32), BLANK, beam_width)
    assert (decoded.indices, decoded.confidence, decoded.confidences) == ((), 1.0, ())
    [decoded] = decode(np.zeros((1, 4, 1), np.float32), 0, beam_width)  # the blank is all there is
    assert (decoded.indices, decoded.confidence) == ((), 1.0)


@pytest.mark.parametrize("beam_width", [1, 3])
@pytest.mark.parametrize(
    ("logits", "blank_index", "message"),
    [
        (np.zeros((5, 3)), 2, r"\(batch, time, classes\), received \(5, 3\)"),
        (np.zeros((1, 5, 0)), 0, r"received \(1, 5, 0\)"),
        (np.zeros((2, 5, 3)), 3, r"blank index of 0 to 2, received 3 for logits of shape \(2, 5, 3\)"),
        (np.zeros((2, 5, 3)), -1, "received -1"),
        (np.full((2, 5, 3), np.nan), 2, r"NaN or infinity in logits of shape \(2, 5, 3\)"),
        (np.full((2, 5, 3), np.inf), 2, "NaN or infinity"),
        (np.full((2, 5, 3), -np.inf), 2, "NaN or infinity"),
        (np.zeros((2, 5, 3), np.uint8), 2, r"float logits, received uint8 of shape \(2, 5, 3\); dequantize"),
    ],
)
def test_what_is_no_table_of_logits_is_refused(logits, blank_index, message, beam_width):
    with pytest.raises(ValueError, match=message):
        decode(logits, blank_index, beam_width)


def test_one_nan_among_many_is_found():
    logits = np.zeros((500, 6, 3), np.float32)
    logits[499, 5, 1] = np.nan
    with pytest.raises(ValueError, match=r"shape \(500, 6, 3\)"):
        decode_greedy(logits, BLANK)


def test_a_beam_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least 1, received 0"):
        decode(table("A"), BLANK, 0)

"""Decoding by patterns: the automaton against `re`, the search against the sum over all paths, and the scripts."""

from __future__ import annotations

import csv
import itertools
import json
import re
import sys

import numpy as np
import pytest
from ctc_by_hand import all_texts
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tiny_models import run_python, tiny_config

import eval_lpr
import infer_frozen_graph_single_image
import infer_tflite_single_image
import test_lpr
from lp_recognition import Recognizer
from lp_recognition.evaluation.metrics import fits_patterns
from lp_recognition.images.image import read_image
from lp_recognition.lists.annotations import read_annotations
from lp_recognition.settings.loading import save_settings
from lp_recognition.settings.recognition import RecognitionConfig, load_config
from lp_recognition.system.errors import ConfigError, UserError
from lp_recognition.texts.automaton import Automaton, build_automaton
from lp_recognition.texts.decoding import decode_beam
from lp_recognition.texts.pattern_decoding import decode_patterns, look_ahead
from lp_recognition.texts.vocabulary import Vocabulary, min_time_steps
from lp_recognition.tools.models import open_model

AB = Vocabulary(("A", "B"))
WIDE = 400  # more than there are prefixes


def texts_of(vocabulary: Vocabulary, longest: int) -> list[tuple[int, ...]]:
    classes = range(vocabulary.blank_index)
    return [text for length in range(longest + 1) for text in itertools.product(classes, repeat=length)]


def random_logits(seed: int, shape: tuple[int, ...], spread: float = 3.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, spread, shape)


# ---- The automaton -------------------------------------------------------------------------------------------------


def grouped(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    repetitions = st.sampled_from(["*", "+", "?", "*?", "{2}", "{1,2}", "{0,2}", "{2,}", "{,2}", "{0}", "{1,2}?"])
    groups = st.sampled_from(["(", "(?:"])
    return st.one_of(
        st.builds("{}{}".format, inner, inner),
        st.builds("{}{}|{})".format, groups, inner, inner),
        st.builds("{}{}){}".format, groups, inner, repetitions),
    )


pieces = st.sampled_from(
    ["A", "B", "[AB]", "[^A]", "[A-C]", ".", r"\w", r"\W", r"[^\WA]", "[]B]", "\\.", r"\x41", "{", ""]
)
expressions = st.recursive(pieces, grouped, max_leaves=6)


@given(st.lists(expressions, min_size=1, max_size=2))
@example(["(?:A*B)?"])
@example(["A{2}|B{", "(?P<first>[]A])B"])
@settings(deadline=None, max_examples=150)
def test_the_automaton_accepts_what_re_does(patterns):
    vocabulary = Vocabulary(("A", "B", "]", "京", "{"))
    texts = texts_of(vocabulary, 3)
    fitting = {text for text in texts if fits_patterns(vocabulary.decode(text), vocabulary, patterns)}
    try:
        automaton = build_automaton(patterns, vocabulary)
    except ConfigError as error:
        assert "can fit" in str(error)
        for pattern in patterns:
            if repr(pattern) in str(error):
                assert not any(re.fullmatch(pattern, vocabulary.decode(text)) for text in texts)
        return
    assert {text for text in texts if automaton.fits(text)} == fitting


@pytest.mark.parametrize("use_h_concat", [False, True])
@pytest.mark.parametrize("use_oi_concat", [False, True])
def test_merged_and_named_classes_fit_as_in_the_metrics(use_h_concat, use_oi_concat):
    vocabulary = Vocabulary(("京", "沪", "<Beijing>", "O", "0", "1", "I", "A"), use_h_concat, use_oi_concat)
    for patterns in (
        ["[京沪]A[0-9]"],
        ["<Beijing>[AI]O", "沪.?"],
        ["<[A-Z][a-z]+>[01]{1,2}"],
        ["(?:京|<Beijing>)[^0]"],
    ):
        automaton = build_automaton(patterns, vocabulary)
        for text in texts_of(vocabulary, 3):
            assert automaton.fits(text) == fits_patterns(vocabulary.decode(text), vocabulary, patterns)


def test_dead_ends_are_one_state():
    automaton = build_automaton(["AB", "AAB?"], AB)
    dead = len(automaton.following) - 1
    assert len(automaton.following) == 6  # nothing, A, AA, AB, AAB, and the dead end
    assert automaton.following[dead].tolist() == [dead] * 3
    assert (automaton.following[:, AB.blank_index] == dead).all()
    assert not automaton.accepting[dead]


@pytest.mark.parametrize(
    ("pattern", "received"),
    [
        ("^AB$", r"'\^' in '\^AB\$'"),
        ("AB$", r"'\$'"),
        (r"\bA", r"'\\\\b'"),
        (r"A\Z", r"'\\\\Z'"),
        (r"(A)\1", r"'\\\\1'"),
        ("(?P<one>A)(?P=one)", r"'\(\?P='"),
        ("(?=A)A", r"'\(\?='"),
        ("(?!B)A", r"'\(\?!'"),
        ("(?<=B)A", r"'\(\?<'"),
        ("(?i)a", r"'\(\?i'"),
        ("(?i:a)", r"'\(\?i'"),
        ("(?#of A)A", r"'\(\?#'"),
        pytest.param(
            "A++", r"'\+\+'", marks=pytest.mark.skipif(sys.version_info < (3, 11), reason="no regular expression yet")
        ),
        pytest.param(
            "A{1,2}+", r"'\{'", marks=pytest.mark.skipif(sys.version_info < (3, 11), reason="no regular expression yet")
        ),
    ],
)
def test_what_cannot_be_decoded_by_is_refused(pattern, received):
    re.compile(pattern)
    with pytest.raises(ConfigError, match=f"^lpr_patterns: to decode by, expected .*, received {received}") as caught:
        build_automaton(["AB", pattern], AB)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("pattern", ["C", "A[^AB]", "[a-z]+", "A<B>"])
def test_a_pattern_that_nothing_fits_is_named(pattern):
    with pytest.raises(ConfigError, match=re.escape(f"alphabet can fit, received {pattern!r}; mend it")):
        build_automaton(["A", pattern], AB)


def test_no_patterns_at_all():
    with pytest.raises(ConfigError, match=r"lpr_patterns: expected regular expressions .*, received none; add"):
        build_automaton([], AB)


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "interegular", None)
    with pytest.raises(UserError, match="expected the package interegular, received none; run `pip install"):
        build_automaton(["A"], AB)


# ---- The search ----------------------------------------------------------------------------------------------------


@given(st.lists(expressions, min_size=1, max_size=2), st.integers(0, 5), st.integers(0, 2**32 - 1), st.integers(1, 3))
@settings(deadline=None, max_examples=150)
def test_against_every_path(patterns, steps, seed, beam_width):
    """A wide beam finds the most probable text that fits; a narrow one some text that fits, wherever there is one."""
    vocabulary = Vocabulary(("A", "B"))
    try:
        automaton = build_automaton(patterns, vocabulary)
    except ConfigError:
        return
    logits = random_logits(seed, (1, steps, 3))
    texts = {
        text: share
        for text, share in all_texts(logits[0], 2).items()
        if fits_patterns(vocabulary.decode(text), vocabulary, patterns)
    }
    if not texts:
        with pytest.raises(ConfigError, match=f"can write in its {steps} time steps, received only longer ones from"):
            decode_patterns(logits, 2, automaton, beam_width)
        return
    [wide] = decode_patterns(logits, 2, automaton, WIDE)
    [narrow] = decode_patterns(logits, 2, automaton, beam_width)
    assert texts[wide.indices] == pytest.approx(max(texts.values()), abs=1e-12)
    for decoded in (wide, narrow):
        assert decoded.confidence == pytest.approx(texts[decoded.indices], abs=1e-12)
        assert len(decoded.confidences) == len(decoded.indices)
        assert all(0 < share <= 1 for share in decoded.confidences)
    best = look_ahead(np.log(np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)), 2, automaton)
    assert np.exp(best.after_blank[0, 0, 0]) == pytest.approx(sum(texts.values()), abs=1e-12)


@given(st.integers(0, 2**32 - 1), st.integers(2, 20), st.sampled_from([0.3, 2.0, 8.0]))
@settings(deadline=None, max_examples=60)
def test_where_every_text_fits_it_is_the_plain_beam_search(seed, beam_width, spread):
    automaton = build_automaton(["[AB]*"], AB)
    logits = random_logits(seed, (3, 9, 3), spread)
    ours, plain = decode_patterns(logits, 2, automaton, beam_width), decode_beam(logits, 2, beam_width)
    assert ours == plain


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=60)
def test_where_the_plain_best_fits_it_is_read(seed):
    automaton = build_automaton(["[AB]{2}", "B"], AB)
    logits = random_logits(seed, (1, 6, 3))
    [plain] = decode_beam(logits, 2, WIDE)
    if automaton.fits(plain.indices):
        assert decode_patterns(logits, 2, automaton, WIDE) == [plain]


def sure(path: str, scale: float = 20.0) -> np.ndarray:
    """Logits `(1, time, 3)` of a network that is sure of a path of A, B and the blank `_`."""
    logits = np.zeros((1, len(path), 3))
    logits[0, np.arange(len(path)), ["AB_".index(character) for character in path]] = scale
    return logits


@pytest.mark.parametrize("scale", [1.0, 20.0, 1e6])
@pytest.mark.parametrize("beam_width", [1, 2, 5])
@pytest.mark.parametrize(
    ("path", "pattern", "text"),
    [
        ("_____", "AAA", "AAA"),  # takes all five steps: A_A_A
        ("AAAAA", "AAA", "AAA"),
        ("BBBBB", "A?B?A", "BA"),
        ("A_A_A", "AA", "AA"),
        ("AB_BA", "[AB]{4}", "ABBA"),
        ("AB_BA", "", ""),
        ("A____", "B+", "B"),
        ("AAAAB", "A+", "A"),
    ],
)
def test_a_text_that_fits_is_found_however_unlikely(path, pattern, text, beam_width, scale):
    [decoded] = decode_patterns(sure(path, scale=scale), 2, build_automaton([pattern], AB), beam_width)
    assert AB.decode(decoded.indices) == text
    assert 0 <= decoded.confidence <= 1


def test_blanks_between_equal_neighbours_take_their_time():
    automaton = build_automaton(["A{3}", "B{3}A"], AB)
    assert [one.indices for one in decode_patterns(sure("B_B_A"), 2, automaton)] == [(0, 0, 0)]  # BBBA takes six steps
    assert [one.indices for one in decode_patterns(sure("B_B_BA"), 2, automaton)] == [(1, 1, 1, 0)]
    with pytest.raises(ConfigError, match=r"in its 4 time steps, received only longer ones from 'A\{3\}', 'B\{3\}A'"):
        decode_patterns(sure("A_A_"), 2, automaton)


@pytest.mark.slow
def test_a_narrow_beam_keeps_what_the_end_needs():
    automaton = build_automaton(["AA", "BB", "AAA", "BBB", "ABA"], AB)
    logits = random_logits(0, (300, 12, 3), 4)
    narrow, wide = (decode_patterns(logits, 2, automaton, width) for width in (4, WIDE))
    # 299 here. Without regard to the blanks that equal neighbours need there would be 262.
    assert sum(ours.indices == best.indices for ours, best in zip(narrow, wide, strict=True)) >= 295


def test_ties_fall_alike():
    automaton = build_automaton(["[AB]{2}"], AB)
    logits = np.zeros((5, 4, 3))
    assert len({decoded.indices for decoded in decode_patterns(logits, 2, automaton)}) == 1
    assert decode_patterns(logits, 2, automaton) == decode_patterns(logits, 2, automaton)


def test_batch_size_never_changes_the_result(monkeypatch):
    vocabulary = Vocabulary(tuple("ABCDEFGH"))
    automaton = build_automaton(["[A-D][E-H]{2,4}", "A{3}"], vocabulary)
    logits = random_logits(7, (40, 12, 9)).astype(np.float32)
    together = decode_patterns(logits, 8, automaton)
    assert together == [decode_patterns(logits[i : i + 1], 8, automaton)[0] for i in range(40)]
    monkeypatch.setattr("lp_recognition.texts.pattern_decoding._VALUES", 5000)
    assert together == decode_patterns(logits, 8, automaton)


def test_the_best_path_becomes_a_beam():
    automaton = build_automaton(["[AB]{2,3}"], AB)
    logits = random_logits(5, (20, 10, 3))
    assert decode_patterns(logits, 2, automaton) == decode_patterns(logits, 2, automaton, 16)


def test_nothing_to_read():
    assert decode_patterns(np.zeros((0, 5, 3)), 2, build_automaton(["A"], AB)) == []
    [decoded] = decode_patterns(np.zeros((1, 0, 3)), 2, build_automaton(["A?"], AB))
    assert (decoded.indices, decoded.confidence, decoded.confidences) == ((), 1.0, ())


@pytest.mark.parametrize(
    ("logits", "message"),
    [
        (np.zeros((5, 3)), r"\(batch, time, classes\), received \(5, 3\)"),
        (np.zeros((1, 5, 4)), r"logits of 3 classes, as the automaton has, received \(1, 5, 4\)"),
        (np.full((1, 5, 3), np.nan), "NaN or infinity"),
        (np.zeros((1, 5, 3), np.uint8), "float logits, received uint8"),
        (np.tile([-np.inf, 0, 0], (1, 5, 1)), "expected logits that leave a text that fits possible, received -inf"),
    ],
)
def test_what_is_no_table_of_logits_is_refused(logits, message):
    with pytest.raises(ValueError, match=message):
        decode_patterns(logits, 2, build_automaton(["A+"], AB))


def test_a_beam_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least 1, received 0"):
        decode_patterns(np.zeros((1, 3, 3)), 2, build_automaton(["A"], AB), 0)


# ---- Plates --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def plates() -> tuple[RecognitionConfig, Automaton]:
    config = load_config("config/ccpd.py")
    return config, build_automaton(config.lpr_patterns, config.vocabulary())


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.5, 3.0, 10.0]), st.integers(1, 4))
@settings(deadline=None, max_examples=20)
def test_every_reading_is_a_plate(plates, seed, spread, beam_width):
    config, automaton = plates
    vocabulary = config.vocabulary()
    for decoded in decode_patterns(random_logits(seed, (4, 18, 71), spread), 70, automaton, beam_width):
        assert fits_patterns(vocabulary.decode(decoded.indices), vocabulary, config.lpr_patterns)
        assert min_time_steps(decoded.indices) <= 18


def test_a_plate_loses_what_no_plate_has(plates):
    config, automaton = plates
    vocabulary = config.vocabulary()
    logits = np.full((1, 42, 71), -8.0)
    logits[:, :, 70] = 0
    # The letter O stands on no plate, and of eight characters the third or the last is a letter.
    for number, character in enumerate("皖AO2345O"):
        logits[0, 4 + 4 * number, [vocabulary.encode(character)[0], 70]] = 4, -4
    for number in (2, 7):
        logits[0, 4 + 4 * number, vocabulary.encode("0")[0]] = 3
    [decoded] = decode_patterns(logits, 70, automaton)
    assert vocabulary.decode(decoded.indices) == "皖A02345"
    assert 0 < decoded.confidence < 0.2


# ---- Settings and scripts ------------------------------------------------------------------------------------------


def test_patterns_are_asked_for_where_there_are_some(tmp_path):
    assert not RecognitionConfig().decode.patterns
    assert tiny_config(lpr_patterns=("A",), decode_patterns=True).decode.patterns
    (tmp_path / "x.py").write_text("class decode:\n    patterns = True\n", encoding="utf-8")
    message = (
        r"x\.py: decode\.patterns: expected regular expressions .* in lpr_patterns, received none; add lpr_pattern"
    )
    with pytest.raises(ConfigError, match=message):
        load_config(tmp_path / "x.py")
    with pytest.raises(ConfigError, match=r"unknown key `decode\.pattern`\. Did you mean `decode\.patterns`\?"):
        load_config("config/ccpd.py", ["decode.pattern=True"])


#: What the eight crops' labels are not: with a digit at the second place.
OTHER = "lpr_patterns=.[0-9]..{5}"
PLATES = "lpr_patterns=[^A-Z0-9][A-Z][A-Z0-9]{5,6}"


@pytest.mark.parametrize("kind", ["checkpoint", "tflite"])
def test_eval_tells_both(trained, tflite, crops, tmp_path, capsys, kind):
    path = {"checkpoint": trained.checkpoint, "tflite": tflite}[kind]
    arguments = [str(trained.folder / "config.yaml"), f"eval.file_list_path={crops / 'list.txt'}", "--model", str(path)]
    assert eval_lpr.main([*arguments, f"eval.output_dir={tmp_path}", PLATES, "decode.patterns=True"]) == 0
    output = capsys.readouterr().out
    assert re.search(r"\| LP-RR +\| 100\.0% \(8 right; 95% interval", output)
    assert re.search(r"\| LP-RR, read by patterns +\| 100\.0% \(8 right; 95% interval", output)
    assert eval_lpr.main([*arguments, f"eval.output_dir={tmp_path}", OTHER, "decode.patterns=True"]) == 0
    output = capsys.readouterr().out
    assert re.search(r"\| LP-RR +\| 100\.0% \(8 right; 95% interval", output)
    assert re.search(r"\| LP-RR, read by patterns +\| 0\.0% \(0 right; 95% interval 0\.0% to", output)

    record = json.loads((tmp_path / "eval.json").read_text(encoding="utf-8"))
    assert (record["lp_rr"], record["by_patterns"]["lp_rr"], record["by_patterns"]["plates"]) == (1, 0, 8)
    assert len(record["by_patterns"]["lp_rr_interval"]) == 2
    rows = list(csv.DictReader((tmp_path / "eval.csv").read_text(encoding="utf-8").splitlines()))
    assert [(row["reading"], row["right"]) for row in rows] == [(row["label"], "1") for row in rows]
    for row in rows:
        assert re.fullmatch(".[0-9]..{5}", row["reading_by_patterns"])
        assert row["right_by_patterns"] == "0"
        assert float(row["confidence_by_patterns"]) <= 1 - float(row["confidence"]) + 1e-5


def test_eval_without_stays_as_it_was(trained, crops, tmp_path, capsys):
    arguments = [str(trained.folder / "config.yaml"), f"eval.file_list_path={crops / 'list.txt'}", PLATES]
    assert eval_lpr.main([*arguments, f"eval.output_dir={tmp_path}", "--checkpoint", str(trained.checkpoint)]) == 0
    assert "by patterns" not in capsys.readouterr().out
    assert "by_patterns" not in (tmp_path / "eval.json").read_text(encoding="utf-8")
    assert "by_patterns" not in (tmp_path / "eval.csv").read_text(encoding="utf-8")


def test_a_list_is_read_by_patterns(trained, crops, tmp_path, capsys):
    arguments = [str(trained.folder / "config.yaml"), f"infer.file_list_path={crops / 'paths.txt'}"]
    arguments += [f"infer.output_dir={tmp_path}", "--checkpoint", str(trained.checkpoint)]
    assert test_lpr.main([*arguments, OTHER, "decode.patterns=True"]) == 0
    rows = list(csv.DictReader((tmp_path / "predictions.csv").read_text(encoding="utf-8").splitlines()))
    assert len(rows) == 8
    assert all(re.fullmatch(".[0-9]..{5}", row["text"]) for row in rows)
    assert f" {rows[0]['text']} " in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["graph", "tflite"])
@pytest.mark.parametrize("how", ["flag", "config"])
def test_one_image_is_read_by_patterns(trained, graph, tflite, crops, tmp_path, capsys, kind, how):
    script, model = {
        "graph": (infer_frozen_graph_single_image, graph),
        "tflite": (infer_tflite_single_image, tflite),
    }[kind]
    config = trained.config.with_values(lpr_patterns=(".[0-9]..{5}",), decode={"patterns": how == "config"})
    save_settings(config, tmp_path / "config.yaml")
    row = read_annotations(crops / "list.txt")[0][0]
    arguments = [str(model), str(row.path), "--config", str(tmp_path / "config.yaml")]
    assert script.main([*arguments, *(["--patterns"] if how == "flag" else [])]) == 0
    assert re.fullmatch(".[0-9]..{5}", capsys.readouterr().out.split(" ")[0])


def test_the_recognizer_and_opened_models_may_be_told(trained, tflite, crops):
    config = trained.config.with_values(lpr_patterns=(".[0-9]..{5}",))
    asking = config.with_values(decode={"patterns": True})
    row = read_annotations(crops / "list.txt")[0][0]
    plain = Recognizer(tflite, config=config).read(row.path)
    by_patterns = Recognizer(tflite, config=config, patterns=True).read(row.path)
    assert plain.text == row.label
    assert re.fullmatch(".[0-9]..{5}", by_patterns.text)
    assert by_patterns.confidence < plain.confidence
    assert Recognizer(tflite, config=asking).read(row.path) == by_patterns
    assert Recognizer(tflite, config=asking, patterns=False).read(row.path) == plain
    opened = open_model(tflite, asking)
    images = asking.preprocessing.prepare(read_image(row.path))[None]
    assert opened.read(images) == [by_patterns]
    assert opened.read(images, patterns=False) == [plain]
    with pytest.raises(ConfigError, match="lpr_patterns: expected regular expressions of legal plates to decode by"):
        Recognizer(tflite, config=trained.config, patterns=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["lpr_patterns=[]"], "error: command line: decode.patterns: expected regular expressions of legal plates in"),
        (["lpr_patterns=^A$"], "error: lpr_patterns: to decode by, expected characters"),
        (["lpr_patterns=[é]"], "error: lpr_patterns: expected patterns that a text of the model's alphabet can fit"),
        (["lpr_patterns=[A-Z]{99}"], "error: lpr_patterns: expected a text that the model can write in its"),
    ],
)
def test_mistakes_end_in_one_line(trained, crops, tmp_path, overrides, message):
    result = run_python(
        "eval_lpr.py", trained.folder / "config.yaml", f"eval.file_list_path={crops / 'list.txt'}",
        f"eval.output_dir={tmp_path}", "decode.patterns=True", *overrides,
    )  # fmt: skip
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1].startswith(message)
    assert "Traceback" not in result.stderr

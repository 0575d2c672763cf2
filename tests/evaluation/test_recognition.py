"""A list through any form of a model: the same readings, whatever the batch, and every plate in the denominator."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_models import tiny_config

from lp_recognition.evaluation import recognition
from lp_recognition.evaluation.opening import Predictor
from lp_recognition.evaluation.recognition import EvaluationList, evaluate
from lp_recognition.lists.annotations import read_annotations, write_annotations
from lp_recognition.plates.fonts import FontError
from lp_recognition.reading.recognizer import pattern_automaton
from lp_recognition.settings.recognition import RecognitionConfig
from lp_recognition.system.errors import AnnotationError, ConfigError, ModelError
from lp_recognition.texts.calibration import Calibration
from lp_recognition.texts.vocabulary import Vocabulary
from lp_recognition.tools.models import open_model


def with_eval(config: RecognitionConfig, **values) -> RecognitionConfig:
    return config.with_values(eval=config.eval.model_dump() | values)


@pytest.fixture
def plates(trained, crops) -> EvaluationList:
    """The eight crops the model has learnt, and held-out drawn plates that it mostly misreads."""
    listed = EvaluationList.from_config(with_eval(trained.config, file_list_path=[str(crops / "list.txt")]))
    drawing = tiny_config(train_generated_share=1.0, eval_generated_plates=12)
    drawn = EvaluationList.from_config(drawing)
    return EvaluationList(
        np.concatenate([listed.images, drawn.images]), listed.labels + drawn.labels, listed.names + drawn.names, []
    )


def test_a_font_for_drawn_plates_that_is_missing():
    """Of a shipped model's recorded config, say: a list needs no font."""
    config = tiny_config(train_generated_share=0.5, train_plate_extra_fonts=["gone.ttc"])
    with pytest.raises(FontError, match=r"gone\.ttc: expected a TrueType font, .*; .*eval\.file_list_path=LIST"):
        EvaluationList.from_config(config)


@pytest.fixture(params=["checkpoint", "graph", "tflite"])
def model(request, trained, graph, tflite) -> Path:
    return {"checkpoint": trained.checkpoint, "graph": graph, "tflite": tflite}[request.param]


def test_every_form_reads_what_was_learnt(model, trained, plates):
    opened = open_model(model, trained.config)
    assert [reading.text for reading in opened.read(plates.images[:8])] == plates.labels[:8]


def test_every_form_reads_the_same(trained, graph, tflite, plates):
    checkpoint, frozen, file = (
        [reading.text for reading in open_model(path, trained.config).read(plates.images)]
        for path in (trained.checkpoint, graph, tflite)
    )
    assert checkpoint == frozen
    # A step of rounding may turn a reading that is a guess: of plates the model never saw, one at most.
    assert sum(a != b for a, b in zip(frozen, file, strict=True)) <= 1


def test_the_size_of_a_batch_changes_nothing(model, trained, plates):
    results = []
    for batch_size in (1, 3, 64):
        config = with_eval(trained.config, batch_size=batch_size)
        opened = open_model(model, config)
        results.append(evaluate(opened.predict, plates, opened.config, opened.vocabulary))
    for other in results[1:]:
        assert other.metrics == results[0].metrics
        assert [reading.text for reading in other.readings] == [reading.text for reading in results[0].readings]
        for ours, theirs in zip(other.readings, results[0].readings, strict=True):
            assert ours.confidence == pytest.approx(theirs.confidence, abs=1e-4)


def test_what_is_left_of_a_batch_does_not_matter(trained, plates):
    """A number of images that no batch divides gives the logits of each image alone in its batch."""
    predict = open_model(trained.checkpoint, with_eval(trained.config, batch_size=7)).predict
    assert np.array_equal(predict(plates.images[:7])[:5], predict(plates.images[:5]))


def test_beam_search_is_as_good_where_the_model_is_sure(trained, plates):
    opened = open_model(trained.checkpoint, trained.config)
    assert [reading.text for reading in opened.read(plates.images[:8], beam_width=5)] == plates.labels[:8]


def test_progress_counts_plates(trained, plates):
    opened = open_model(trained.checkpoint, with_eval(trained.config, batch_size=8))
    steps: list[int] = []
    evaluate(opened.predict, plates, opened.config, opened.vocabulary, steps.append)
    assert steps == [8, 8, 4]


@pytest.fixture
def in_two_minds() -> Predictor:
    """Twice A with 0.4 or the blank with 0.6: the best path is empty, and yet A is the likelier text with 0.64.

    B has next to nothing.
    """
    probabilities = np.array([0.4, 1e-6, 0.6], np.float32)
    return lambda images: np.tile(np.log(probabilities), (len(images), 2, 1)).astype(np.float32)


@pytest.mark.parametrize(("beam_width", "text", "share"), [(1, "", 0.36), (4, "A", 0.64)])
def test_the_beam_is_as_wide_as_the_settings_say(in_two_minds, beam_width, text, share):
    vocabulary = Vocabulary(("A", "B"))
    config = tiny_config(alphabet="AB", eval_beam_width=beam_width)
    result = evaluate(in_two_minds, list_of("A", "A"), config, vocabulary)
    assert [reading.text for reading in result.readings] == [text] * 2
    assert result.readings[0].confidence == pytest.approx(share, abs=1e-3)
    assert result.metrics.right == (2 if text else 0)


def test_by_patterns_the_beam_is_as_wide_too(in_two_minds, monkeypatch):
    widths = []

    def decode_patterns(logits, blank_index, automaton, beam_width):
        widths.append(beam_width)
        return real(logits, blank_index, automaton, beam_width)

    from lp_recognition.reading import recognizer

    real = recognizer.decode_patterns
    monkeypatch.setattr(recognizer, "decode_patterns", decode_patterns)
    vocabulary = Vocabulary(("A", "B"))
    config = tiny_config(alphabet="AB", eval_beam_width=7, lpr_patterns=("B",), decode_patterns=True)
    automaton = pattern_automaton(config, vocabulary)
    result = evaluate(in_two_minds, list_of("B"), config, vocabulary, automaton=automaton)
    assert widths == [7]
    assert result.readings[0].text != "B"  # the plain reading stays as it is
    assert [reading.text for reading in result.by_patterns.readings] == ["B"]
    assert result.by_patterns.rows() == [("B", result.by_patterns.readings[0].confidence, True)]


def test_confidences_are_calibrated_where_a_calibration_is_given(in_two_minds):
    vocabulary = Vocabulary(("A", "B"))
    config = tiny_config(alphabet="AB")
    plain = evaluate(in_two_minds, list_of("A"), config, vocabulary)
    calibrated = evaluate(in_two_minds, list_of("A"), config, vocabulary, calibration=Calibration(offset=3.0))
    assert (plain.is_calibrated, calibrated.is_calibrated) == (False, True)
    assert calibrated.readings[0].confidence > plain.readings[0].confidence + 0.3
    assert plain.ece == pytest.approx(0.36, abs=1e-3)  # sure of an empty text that is wrong
    assert calibrated.ece == pytest.approx(calibrated.readings[0].confidence)


# ---- Denominator ---------------------------------------------------------------------------------------------------


def reading_of(texts: list[str], vocabulary: Vocabulary):
    """A predictor that reads the given texts, one after the other."""
    remaining = iter(texts)

    def predict(images: np.ndarray) -> np.ndarray:
        logits = np.full((len(images), 20, vocabulary.num_classes), -20, np.float32)
        logits[:, :, vocabulary.blank_index] = 0
        for table in logits:
            for number, index in enumerate(vocabulary.encode(next(remaining))):
                table[2 * number, index] = 20
        return logits

    return predict


def list_of(*labels: str) -> EvaluationList:
    return EvaluationList(
        np.zeros((len(labels), 24, 94, 3), np.uint8), list(labels), [str(n) for n in range(len(labels))], []
    )


def test_labels_that_the_model_cannot_write_count_as_wrong():
    vocabulary = Vocabulary(("A", "B"))
    plates = list_of("AB", "A?", "??", "BB")
    config = tiny_config(alphabet="AB", eval_batch_size=3)
    result = evaluate(reading_of(["AB", "A", "B", "BB"], vocabulary), plates, config, vocabulary)
    assert (result.metrics.plates, result.metrics.right) == (4, 2)
    assert plates.unreadable(vocabulary) == ["A?", "??"]
    assert [judgement.right for judgement in result.judgements] == [True, False, False, True]


def test_patterns_make_readings_wrong_and_never_right():
    vocabulary = Vocabulary(("A", "B", "1"))
    plates = list_of("A1", "AB", "1A")
    config = tiny_config(alphabet="AB1", lpr_patterns=("[AB]1",))
    result = evaluate(reading_of(["A1", "AB", "1B"], vocabulary), plates, config, vocabulary)
    assert result.metrics.lp_rr == pytest.approx(2 / 3)
    assert result.metrics.lp_rr_with_patterns == pytest.approx(1 / 3)  # AB is right, but fits no pattern
    assert result.metrics.plates == 3


def test_merged_characters_are_not_blamed():
    vocabulary = Vocabulary(("O", "0", "皖", "沪"), use_h_concat=True, use_oi_concat=True)
    config = tiny_config(alphabet="O0皖沪", use_h_concat=True, use_oi_concat=True)
    result = evaluate(reading_of(["皖O", "皖0"], vocabulary), list_of("沪0", "皖O"), config, vocabulary)
    assert result.metrics.right == 2


# ---- Misread plates --------------------------------------------------------------------------------------------------


def test_the_sheet_of_misread_plates(trained, plates, monkeypatch):
    opened = open_model(trained.checkpoint, trained.config)
    result = evaluate(opened.predict, plates, opened.config, opened.vocabulary)
    wrong = len(plates.labels) - result.metrics.right
    assert wrong > 4
    assert len(result.misread) == wrong
    assert not any(result.judgements[number].right for number in result.misread)
    order = [(-result.judgements[n].edit_distance, -result.readings[n].confidence) for n in result.misread]
    assert order == sorted(order)  # the most wrong characters first, then the surest
    drawn = []
    draw = recognition.draw_reading
    monkeypatch.setattr(recognition, "draw_reading", lambda *given: drawn.append(given) or draw(*given))
    few = result.misread_sheet(2)
    assert [(text, label) for _, text, *_, label in drawn] == [
        (result.readings[number].text, plates.labels[number]) for number in result.misread[:2]
    ]
    many = result.misread_sheet(100)
    assert few.dtype == np.uint8
    assert few.ndim == 3
    assert many.shape[0] > few.shape[0]
    right = EvaluationList(plates.images[:8], plates.labels[:8], plates.names[:8], [])
    assert evaluate(opened.predict, right, opened.config, opened.vocabulary).misread_sheet(9) is None


# ---- Lists ---------------------------------------------------------------------------------------------------------


def test_several_lists_are_one(crops):
    config = with_eval(tiny_config(), file_list_path=[str(crops / "list.txt")] * 2)
    plates = EvaluationList.from_config(config)
    assert len(plates.labels) == len(plates.images) == len(plates.names) == 16
    assert np.array_equal(plates.images[:8], plates.images[8:])


def test_bad_rows_are_left_out_only_where_asked(crops, tmp_path):
    rows = [(row.path, row.label) for row in read_annotations(crops / "list.txt")[0]]
    write_annotations(tmp_path / "list.txt", [("missing.png", "A"), *rows])
    config = with_eval(tiny_config(), file_list_path=[str(tmp_path / "list.txt")])
    with pytest.raises(AnnotationError, match=r"list.txt:1: .*missing.png"):
        EvaluationList.from_config(config)
    plates = EvaluationList.from_config(with_eval(config, skip_bad_rows=True))
    assert len(plates.labels) == 8
    assert "missing.png" in plates.skipped[0]


def test_nothing_to_evaluate_on_is_none():
    assert EvaluationList.from_config(tiny_config()) is None


# ---- Opening -------------------------------------------------------------------------------------------------------


def test_the_checkpoint_brings_its_alphabet(trained):
    opened = open_model(trained.checkpoint, trained.config.with_values(alphabet=None))
    assert opened.config.alphabet == trained.config.alphabet
    assert opened.vocabulary == trained.config.vocabulary()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"alphabet": "XYZ"}, "alphabet: expected .*received XYZ"),
        ({"width_multiplier": 0.7}, r"width_multiplier: expected 0.25, received 0.7"),
        ({"symmetric_range": False}, "symmetric_range: expected True, received False"),
        ({"input_shape": (24, 94, 1)}, r"input_shape: expected \(24, 94, 3\), received \(24, 94, 1\)"),
    ],
)
def test_settings_of_another_model_are_refused_by_name(trained, change, message):
    with pytest.raises(ConfigError, match=f"model.ckpt-140.ckpt: was made with other settings of the model: {message}"):
        open_model(trained.checkpoint, trained.config.with_values(**change))


@pytest.mark.parametrize("change", [{"alphabet": "XYZ"}, {"input_shape": (32, 94, 3)}])
def test_a_deployed_file_of_another_model_is_refused(graph, tflite, trained, change):
    for path in (graph, tflite):
        with pytest.raises((ModelError, ConfigError), match=next(iter(change))):
            open_model(path, trained.config.with_values(**change))


def test_an_unknown_kind_of_file(trained, tmp_path):
    with pytest.raises(ModelError, match=r"expected a model ending in .ckpt, .pb, .frozen or .tflite, received '.h5'"):
        open_model(tmp_path / "model.h5", trained.config)

"""`eval.beam_width` and `infer.beam_width` decide how texts are read, and the last six symbols are six."""

from __future__ import annotations

import numpy as np
import pytest
from tiny_models import tiny_config

from lp_recognition.evaluation.metrics import judge_readings
from lp_recognition.evaluation.prediction import read_list
from lp_recognition.evaluation.recognition import EvaluationList, evaluate
from lp_recognition.evaluation.recognizer_opening import OpenedRecognizer
from lp_recognition.lists.annotations import read_annotations
from lp_recognition.texts.vocabulary import Vocabulary

VOCABULARY = Vocabulary(("A",))
#: Two steps, A 0.4 and blank 0.6 at each: the best path is blank, and the most probable text is A, with 0.64.
UNDECIDED = np.log(np.tile(np.float32([0.4, 0.6]), (2, 1)))


def undecided(images: np.ndarray) -> np.ndarray:
    return np.repeat(UNDECIDED[None], len(images), axis=0)


@pytest.mark.parametrize(("beam_width", "text", "right"), [(1, "", 0), (2, "A", 3), (5, "A", 3)])
def test_an_evaluation_reads_as_its_beam_is_wide(beam_width, text, right):
    config = tiny_config(alphabet="A", eval_beam_width=beam_width, infer_beam_width=7, eval_batch_size=2)
    plates = EvaluationList(np.zeros((3, 24, 94, 3), np.uint8), ["A"] * 3, list("123"), [])
    result = evaluate(undecided, plates, config, VOCABULARY)
    assert [reading.text for reading in result.readings] == [text] * 3
    assert result.metrics.right == right


@pytest.mark.parametrize(("beam_width", "text"), [(1, ""), (2, "A")])
def test_a_list_is_read_as_its_beam_is_wide(crops, tmp_path, beam_width, text):
    config = tiny_config(
        alphabet="A", infer_beam_width=beam_width, eval_beam_width=7, infer_output_dir=str(tmp_path), infer_batch_size=3
    )
    rows, _ = read_annotations(crops / "paths.txt", labelled=False)
    model = OpenedRecognizer(predict=undecided, config=config, vocabulary=VOCABULARY, source="made by hand")
    assert [reading.text for _, reading in read_list(model, rows, config.infer)] == [text] * 8


@pytest.mark.parametrize(
    ("reading", "right"),
    [("X123456", True), ("0X23456", False), ("012345X", False), ("123456", True), ("23456", False), ("00123456", True)],
)
def test_the_last_six_are_six(reading, right):
    [judgement] = judge_readings([reading], ["0123456"], Vocabulary(tuple("0123456X")))
    assert judgement.right_last_six is right

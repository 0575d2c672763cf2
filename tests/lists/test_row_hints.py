"""What is said of bad rows helps where it is followed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tiny_models import tiny_config

from lp_recognition.evaluation.recognition import EvaluationList
from lp_recognition.lists.annotations import Annotation, read_annotations, write_annotations
from lp_recognition.lists.rows import LabelledRows, check_labels, load_rows
from lp_recognition.settings.loading import load_settings, save_settings
from lp_recognition.settings.recognition import RecognitionConfig
from lp_recognition.system.errors import AnnotationError, UserError
from lp_recognition.texts.vocabulary import Vocabulary

AB = Vocabulary(("A", "B"))


def labelled(*labels: str) -> LabelledRows:
    rows = [Annotation(Path("a.png"), label, f"list.txt:{number}") for number, label in enumerate(labels, start=1)]
    return LabelledRows(rows, [])


def refusal(data: LabelledRows, steps: int, **settings) -> str:
    with pytest.raises(AnnotationError) as caught:
        check_labels(data, AB, tiny_config(**settings), steps)
    return str(caught.value)


@pytest.mark.parametrize("labels", [("AB", "ABAB"), ("ABAB", "ABABA", "A")])
def test_too_long_a_label_names_the_length_that_takes_it(labels):
    data = labelled(*labels)
    [hint] = re.findall(r"max_lp_length=(\d+) takes the longer labels", refusal(data, 9, max_lp_length=3))
    assert int(hint) == max(map(len, labels))
    assert check_labels(data, AB, tiny_config(max_lp_length=int(hint)), 9).labels == list(labels)


def test_labels_of_too_many_time_steps_name_the_width_that_has_them():
    values = {"max_lp_length": 30, "input_shape": (24, 34, 3)}
    config = tiny_config(**values)
    data = labelled("A" * 20, "AB")  # 39 steps
    [width] = re.findall(r"input_shape=\(24,(\d+),3\)", refusal(data, config.time_steps, **values))
    wider, narrower = (config.with_values(input_shape=(24, int(width) - less, 3)) for less in (0, 1))
    assert check_labels(data, AB, wider, wider.time_steps).labels == data.labels
    assert narrower.time_steps < 39 <= wider.time_steps


def test_no_setting_is_named_that_would_not_help():
    assert "max_lp_length=" not in refusal(labelled("ABX"), 5, max_lp_length=3)  # X is the fault, not the length
    assert "max_lp_length=" not in refusal(labelled("AAA"), 4, max_lp_length=3)
    assert "input_shape=" not in refusal(labelled("ABAB"), 9, max_lp_length=3)


def test_one_bad_row_is_told_how_to_leave_it_out():
    assert refusal(labelled("AX"), 9).endswith("(train.skip_bad_rows=True leaves it out)")
    assert refusal(labelled("AX", "BX"), 9).endswith("(2 bad rows; train.skip_bad_rows=True leaves them out)")


@pytest.fixture
def bad_list(crops, tmp_path) -> Path:
    """Eight good rows, one without a label, one whose image is missing."""
    rows = [(row.path, row.label) for row in read_annotations(crops / "list.txt")[0]]
    write_annotations(tmp_path / "list.txt", [("missing.png", "A"), ("alone.png", ""), *rows])
    return tmp_path / "list.txt"


@pytest.fixture
def bad_paths(crops, tmp_path) -> Path:
    rows = [(row.path, "") for row in read_annotations(crops / "list.txt")[0]]
    write_annotations(tmp_path / "paths.txt", [("missing.png", ""), *rows])
    return tmp_path / "paths.txt"


def test_rows_without_a_label_and_without_an_image_are_told_together(bad_list):
    with pytest.raises(AnnotationError, match=r"alone\.png.*; .*missing\.png") as caught:
        load_rows([str(bad_list)], skip_bad_rows=False, setting="x.y")
    assert str(caught.value).endswith("(2 bad rows; x.y=True leaves them out)")
    with pytest.raises(AnnotationError) as caught:
        load_rows([str(bad_list)], skip_bad_rows=False)
    assert str(caught.value).endswith("(2 bad rows)")
    data = load_rows([str(bad_list)], skip_bad_rows=True)
    assert (len(data.rows), len(data.skipped)) == (8, 2)


def test_a_list_of_broken_rows_alone_says_what_is_broken(tmp_path):
    (tmp_path / "list.txt").write_text("a.png\nb.png\n")
    with pytest.raises(AnnotationError, match=r"list\.txt:1: expected 'path LABEL', received 'a\.png'; .*:2: "):
        load_rows([str(tmp_path / "list.txt")], skip_bad_rows=True)


def setting_named(error: UserError) -> str:
    [setting] = re.findall(r"(\S+\.skip_bad_rows=True)", str(error))
    return setting.strip("(")


def test_the_hint_of_an_evaluation_helps(bad_list, tmp_path):
    save_settings(tiny_config(eval_file_list_path=str(bad_list)), tmp_path / "x.yaml")
    config = load_settings(RecognitionConfig, tmp_path / "x.yaml")
    with pytest.raises(AnnotationError) as caught:
        EvaluationList.from_config(config)
    followed = load_settings(RecognitionConfig, tmp_path / "x.yaml", [setting_named(caught.value)])
    plates = EvaluationList.from_config(followed)
    assert (len(plates.labels), len(plates.skipped)) == (8, 2)


def test_the_hint_of_a_training_helps(bad_list, tmp_path):
    from lp_recognition.training.recognition import RecognitionTask

    save_settings(tiny_config(train_file_list_path=str(bad_list)), tmp_path / "x.yaml")
    with pytest.raises(AnnotationError) as caught:
        RecognitionTask.prepare(load_settings(RecognitionConfig, tmp_path / "x.yaml"), None)
    followed = load_settings(RecognitionConfig, tmp_path / "x.yaml", [setting_named(caught.value)])
    rows = RecognitionTask.prepare(followed, None).rows
    assert (len(rows.rows), len(rows.skipped)) == (8, 2)


def test_the_hint_of_reading_a_list_helps(bad_paths, trained, tmp_path, capsys):
    import test_lpr

    arguments = [str(trained.folder / "config.yaml"), "--checkpoint", str(trained.checkpoint)]
    arguments += [f"infer.file_list_path={bad_paths}", f"infer.output_dir={tmp_path / 'out'}"]
    with pytest.raises(UserError) as caught:
        test_lpr.main(arguments)
    assert test_lpr.main([*arguments, setting_named(caught.value)]) == 0
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 9
    assert "left out: 1 bad rows, such as" in captured.err
    assert len((tmp_path / "out" / "predictions.csv").read_text(encoding="utf-8").splitlines()) == 9


def test_the_hint_of_labelling_helps(bad_paths, trained, tmp_path, capsys):
    from lp_recognition.tools import label_with_model

    arguments = [str(trained.folder / "config.yaml"), "--list", str(bad_paths), "--models", str(trained.checkpoint)]
    arguments += ["--output", str(tmp_path / "labelled.txt"), "--min_confidence", "0", "--any_text"]
    with pytest.raises(UserError) as caught:
        label_with_model.main(arguments)
    assert label_with_model.main([*arguments, setting_named(caught.value)]) == 0
    assert "8 of 9 images labelled; left out: 1 unreadable" in capsys.readouterr().out

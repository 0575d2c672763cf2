"""Measures a plate detector on scenes: average precision, recall, precision, false alarms, the error of the corners.

examples:
  python eval_lpd.py config/lpd_mcu.py eval.file_list_path=plates.jsonl --checkpoint model_lpd/model.ckpt-8000.ckpt
  python eval_lpd.py config/lpd_mcu.py eval.file_list_path=plates.jsonl --model graph.tflite
  python eval_lpd.py model_lpd/config.yaml eval.score_threshold=0.3
  python eval_lpd.py config/lpd_mcu.py eval.file_list_path=plates.jsonl --model graph.tflite --reader lprnet_mcu_cn
  python eval_lpd.py config/lpd_mcu.py eval.file_list_path=plates.jsonl --model graph.tflite --predictions found.jsonl
  python eval_lpd.py lpdnet_mcu eval.file_list_path=plates.jsonl --corners lpdnet_corners

Without --checkpoint or --model it takes the best checkpoint of model_dir; without a list, held-out drawn scenes where
the config draws any. Writes eval.json (the figures, and what makes them repeatable) and worst.png (the pictures with
most mistakes) into eval.output_dir, else into a folder that is this evaluation's own: in eval/ beside the checkpoint,
of other models in out/eval/.

--corners looks at each plate that is found a second time, from near, as alpr does. --reader, which may be given several
times, also reads every plate that is found and tells by country how many of those with text are found and read right,
and how many are read right by their true corners. --predictions writes what reaches the threshold, a photograph a row:
image, and plates with box, corners, score and, where they are read, text.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from lp_recognition.system.errors import UserError, run_script
from lp_recognition.tools.arguments import parse_model_arguments


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    arguments = parse_model_arguments(argv, __doc__, "eval.score_threshold=0.3", "detection", _add_options)
    config, readers, predictions = arguments.config, arguments.more.reader, arguments.more.predictions

    from lp_recognition.evaluation.closer_look import look_again
    from lp_recognition.evaluation.detection import summarize
    from lp_recognition.evaluation.detection_results import describe_evaluation, save_results
    from lp_recognition.evaluation.end_to_end import (
        count_read,
        read_scenes_found,
        shown_in_photographs,
        write_predictions,
    )
    from lp_recognition.evaluation.pictures import EvaluationScenes
    from lp_recognition.evaluation.results import results_folder
    from lp_recognition.reading.detector import Detector
    from lp_recognition.reading.readers import open_readers
    from lp_recognition.system.files import check_folder, is_same_file
    from lp_recognition.system.progress import progress_bar
    from lp_recognition.tools.models import open_detector

    for listed in config.eval.file_list_path:
        if predictions and is_same_file(predictions, listed):
            raise UserError(f"--predictions: expected another file than the list of scenes, received {predictions}")
    path = arguments.find_model(config.eval.checkpoint)
    detector = open_detector(path, config)
    opened = open_readers(readers)
    scenes = EvaluationScenes.from_config(detector.config)
    looker = Detector(arguments.more.corners) if arguments.more.corners else None
    if scenes is None or ((readers or predictions or looker) and not scenes.originals):
        raise arguments.lacks("eval.file_list_path", "a list of scenes", "plates.jsonl")
    description = describe_evaluation(detector, scenes, str(path), arguments.more.corners)
    folder = results_folder(detector, description)
    check_folder(folder)
    with progress_bar(len(scenes.pictures), "picture") as advance:
        found = detector.search(scenes.pictures, advance)
    if looker is not None:
        with progress_bar(len(found), "photograph", "looking closer") as advance:
            found = look_again(scenes, found, looker, advance)
    threshold = detector.config.eval.score_threshold
    metrics = summarize([found for found, _ in found], threshold)
    texts, read = [], None
    shown = shown_in_photographs(scenes, found, threshold) if scenes.originals else []
    if readers:
        with progress_bar(len(shown), "photograph") as advance:
            texts = read_scenes_found(scenes.originals, shown, opened, advance)
        read = count_read(scenes.originals, [found for found, _ in found], texts, readers)
    save_results(folder, description, scenes, found, metrics, read)  # before a word is printed, which may fail
    if predictions:
        write_predictions(predictions, scenes.originals, shown, texts)
    print(f"model: {path}")
    if looker is not None:
        print(f"corners: {arguments.more.corners}")
    print(f"scenes: {', '.join(config.eval.file_list_path) or 'drawn, held out'}")
    if scenes.skipped:
        print(f"left out: {len(scenes.skipped)} bad rows, such as {scenes.skipped[0]}")
    print(f"\n{metrics.to_table()}\n\nat a score of {threshold} and more")
    if read is not None:
        print(f"\n{read.to_table()}")
    print(f"{folder}: eval.json holds every figure, worst.png shows the pictures with most mistakes")
    return 0


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--reader", action="append", default=[], metavar="NAME_OR_FILE",
        help="also read what is found, with a shipped model or a .tflite; may be given several times",
    )  # fmt: skip
    parser.add_argument(
        "--corners",
        default="",
        metavar="NAME_OR_FILE",
        help="what looks at each plate again: a shipped model or a file",
    )
    parser.add_argument("--predictions", default="", metavar="FILE", help="also write what is found, as JSON lines")


def script() -> None:
    """The entry point `eval-lpd`."""
    run_script(main)


if __name__ == "__main__":
    script()

"""Measures a plate detector on scenes: average precision, recall, precision, false alarms, the error of the corners.

examples:
  python eval_lpd.py config/lpd_mcu.py eval.file_list_path=plates.jsonl --checkpoint model_lpd/model.ckpt-8000.ckpt
  python eval_lpd.py config/lpd_mcu.py eval.file_list_path=plates.jsonl --model graph.tflite
  python eval_lpd.py model_lpd/config.yaml eval.score_threshold=0.3

Without --checkpoint or --model it takes the best checkpoint of model_dir; without a list, held-out drawn scenes where
the config draws any. Writes eval.json (the figures, and what makes them repeatable) and worst.png (the pictures with
most mistakes) into eval.output_dir, else into a folder that is this evaluation's own: in eval/ beside the checkpoint,
of other models in out/eval/.
"""

from __future__ import annotations

from collections.abc import Sequence

from lp_recognition.system.errors import run_script
from lp_recognition.tools.arguments import parse_model_arguments


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    arguments = parse_model_arguments(argv, __doc__, "eval.score_threshold=0.3", task="detection")
    config = arguments.config

    from lp_recognition.evaluation.detection import summarize
    from lp_recognition.evaluation.detection_results import describe_evaluation, save_results
    from lp_recognition.evaluation.pictures import EvaluationScenes
    from lp_recognition.evaluation.results import results_folder
    from lp_recognition.system.files import check_folder
    from lp_recognition.system.progress import progress_bar
    from lp_recognition.tools.models import open_detector

    path = arguments.find_model(config.eval.checkpoint)
    detector = open_detector(path, config)
    scenes = EvaluationScenes.from_config(detector.config)
    if scenes is None:
        raise arguments.lacks("eval.file_list_path", "a list of scenes", "plates.jsonl")
    description = describe_evaluation(detector, scenes, str(path))
    folder = results_folder(detector, description)
    check_folder(folder)
    with progress_bar(len(scenes.pictures), "picture") as advance:
        found = detector.search(scenes.pictures, advance)
    threshold = detector.config.eval.score_threshold
    metrics = summarize([found for found, _ in found], threshold)
    save_results(folder, description, scenes, found, metrics)  # before a word is printed, which may fail
    print(f"model: {path}")
    print(f"scenes: {', '.join(config.eval.file_list_path) or 'drawn, held out'}")
    if scenes.skipped:
        print(f"left out: {len(scenes.skipped)} bad rows, such as {scenes.skipped[0]}")
    print(f"\n{metrics.to_table()}\n\nat a score of {threshold} and more")
    print(f"{folder}: eval.json holds every figure, worst.png shows the pictures with most mistakes")
    return 0


def script() -> None:
    """The entry point `eval-lpd`."""
    run_script(main)


if __name__ == "__main__":
    script()

"""Measures a model on a list of plates: LP-RR with its 95% interval, and where the errors are.

examples:
  python eval_lpr.py model/config.yaml eval.file_list_path=test.txt --checkpoint model/model.ckpt-60000.ckpt
  python eval_lpr.py model/config.yaml eval.file_list_path=test.txt --model graph.tflite
  python eval_lpr.py lprnet_mcu_cn eval.file_list_path=test.txt      # a model that ships
  python eval_lpr.py model/config.yaml --model graph.pb eval.beam_width=10
  python eval_lpr.py model/config.yaml decode.patterns=True          # also by reading only what fits lpr_patterns

Without --checkpoint or --model it takes the best checkpoint of model_dir; without a list, held-out drawn plates where
the config draws any. Writes eval.json (the figures, and what makes them repeatable), eval.csv (a row per plate),
eval.html and misread.png (what was misread, worst first) into eval.output_dir, else into a folder that is this
evaluation's own: in eval/ beside the checkpoint, of other models in out/eval/.
"""

from __future__ import annotations

from collections.abc import Sequence

from lp_recognition.system.errors import run_script
from lp_recognition.tools.arguments import parse_model_arguments


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    arguments = parse_model_arguments(argv, __doc__, "eval.beam_width=10")
    config = arguments.config

    from lp_recognition.evaluation.recognition import EvaluationList, evaluate
    from lp_recognition.evaluation.recognition_results import describe_evaluation, save_results
    from lp_recognition.evaluation.results import results_folder
    from lp_recognition.system.files import check_folder
    from lp_recognition.system.progress import progress_bar
    from lp_recognition.tools.models import open_model

    path = arguments.find_model(config.eval.checkpoint)
    model = open_model(path, config)
    plates = EvaluationList.from_config(model.config)
    if plates is None:
        raise arguments.lacks("eval.file_list_path", "a list of plates", "test.txt")
    description = describe_evaluation(model, plates, str(path))
    folder = results_folder(model, description)
    check_folder(folder)
    with progress_bar(len(plates.labels), "plate") as advance:
        result = evaluate(
            model.predict,
            plates,
            model.config,
            model.vocabulary,
            advance,
            model.calibration,
            model.automaton,
        )
    save_results(folder, description, result)  # before a word is printed, which may fail
    print(f"model: {path}")
    print(f"plates: {', '.join(config.eval.file_list_path) or 'drawn, held out'}")
    if plates.skipped:
        print(f"left out: {len(plates.skipped)} bad rows, such as {plates.skipped[0]}")
    if unknown := plates.unreadable(model.vocabulary):
        print(f"counted as wrong: {len(unknown)} labels hold characters the model does not know, such as {unknown[0]}")
    print(f"\n{result.to_table()}\n\n{result.plates_per_second:.0f} plates/s, images in memory")
    confidences = "calibrated confidences" if result.is_calibrated else "plain probabilities as confidences"
    print(f"expected calibration error: {100 * result.ece:.2f}% ({confidences})")
    print(f"{folder}: eval.json and eval.csv hold every figure and every plate, eval.html shows what was misread")
    return 0


def script() -> None:
    """The entry point `eval-lpr`."""
    run_script(main)


if __name__ == "__main__":
    script()

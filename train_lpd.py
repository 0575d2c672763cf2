"""Trains LPDNet, the plate detector, or goes on with the training that model_dir holds.

examples:
  python train_lpd.py config/lpd                          drawn scenes, no data set needed
  python train_lpd.py config/lpd_mcu.py train.file_list_path=scenes/plates.jsonl eval.file_list_path=val/plates.jsonl
  python train_lpd.py config/lpd --init_checkpoint model_lpd/model.ckpt-20000.ckpt

The same command goes on after Ctrl-C, a crash or a power cut. `tensorboard --logdir model_lpd` shows the curves.
"""

from __future__ import annotations

from collections.abc import Sequence

from lp_recognition.system.errors import run_script
from lp_recognition.tools.train import train, training_parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    parser = training_parser(__doc__)
    arguments = parser.parse_intermixed_args(argv)

    from lp_recognition.settings.detection import load_config

    config = load_config(arguments.config, arguments.overrides)

    return train(config, arguments.init_checkpoint)


def script() -> None:
    """The entry point `train-lpd`."""
    run_script(main)


if __name__ == "__main__":
    script()

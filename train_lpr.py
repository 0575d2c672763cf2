"""Trains LPRNet, or goes on with the training that model_dir holds.

examples:
  python train_lpr.py config                              drawn plates, no data set needed
  python train_lpr.py config/ccpd.py train.file_list_path=train.txt eval.file_list_path=val.txt
  python train_lpr.py config/gap8.py train.file_list_path=train.txt --init_checkpoint model/model.ckpt-60000.ckpt
  python train_lpr.py config/ccpd.py train.file_list_path=train.txt --preview sheet.png   what it is shown, no training

The same command goes on after Ctrl-C, a crash or a power cut, and says from which step.
`tensorboard --logdir model` shows the curves.
"""

from __future__ import annotations

from collections.abc import Sequence

from lp_recognition.system.errors import run_script
from lp_recognition.tools.train import train, training_parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    parser = training_parser(__doc__)
    parser.add_argument(
        "--preview", metavar="PICTURE", help="write a sheet of what the network is shown, with labels, and end"
    )
    arguments = parser.parse_intermixed_args(argv)

    from lp_recognition.settings.recognition import load_config

    config = load_config(arguments.config, arguments.overrides)

    if arguments.preview:
        from lp_recognition.training.preview import write_preview

        shown = write_preview(config, arguments.preview)
        print(f"{arguments.preview}: the first {shown} of what the network is shown")
        return 0

    return train(config, arguments.init_checkpoint)


def script() -> None:
    """The entry point `train-lpr`."""
    run_script(main)


if __name__ == "__main__":
    script()

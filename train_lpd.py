"""Trains LPDNet, the plate detector, or goes on with the training that model_dir holds.

examples:
  python train_lpd.py config/lpd                          drawn scenes, no data set needed
  python train_lpd.py config/lpd_mcu.py train.file_list_path=scenes/plates.jsonl eval.file_list_path=val/plates.jsonl
  python train_lpd.py config/lpd --init_checkpoint model_lpd/model.ckpt-20000.ckpt

The same command goes on after Ctrl-C, a crash or a power cut. `tensorboard --logdir model_lpd` shows the curves.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from lp_recognition.system.errors import run_script
from lp_recognition.system.options import ScriptParser

# Here, because worker processes import this file first: Grain complains in each of a profiler that need not be there.
logging.getLogger("absl").setLevel(logging.ERROR)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    parser = ScriptParser(__doc__)
    parser.add_argument("config", help="a config (.py), a recorded config.yaml, or the folder of one")
    parser.add_argument(
        "overrides", nargs="*", default=[], metavar="key=value", help="settings to change: train.batch_size=64"
    )
    parser.add_argument("--init_checkpoint", default="", help="start from its weights instead of at random")
    arguments = parser.parse_intermixed_args(argv)

    from lp_recognition.settings.detection import load_config

    config = load_config(arguments.config, arguments.overrides)

    from lp_recognition.tools.train import train

    return train(config, arguments.init_checkpoint)


def script() -> None:
    """The entry point `train-lpd`."""
    run_script(main)


if __name__ == "__main__":
    script()

"""Averages the weights of checkpoints of one network: of late steps of a training, or of trainings from one start.

The average often reads better than each of them, and the file costs the same (Izmailov et al., "Averaging Weights
Leads to Wider Optima and Better Generalization", UAI 2018; Wortsman et al., "Model soups", ICML 2022). Trainings from
different random weights cannot be averaged. Judge it on a validation list, as any other checkpoint.

example:
  python -m utils.average_checkpoints config/gap8.py --checkpoints run/model.ckpt-500.ckpt last.ckpt --output mean.ckpt
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lp_recognition.system.errors import UserError, run_script
from lp_recognition.system.options import ScriptParser

#: What an optimizer remembers belongs to one training.
_OPTIMIZER = "optimizer"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    parser = ScriptParser(__doc__)
    parser.add_config("quantization_aware=false")
    parser.add_argument("--checkpoints", nargs="+", required=True, metavar="CHECKPOINT", help="two or more of them")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="the checkpoint to write")
    arguments = parser.parse_args(argv)
    if len(arguments.checkpoints) < 2:
        raise UserError("--checkpoints: expected at least two, received one")

    from lp_recognition.model_files.checkpoints import load_checkpoint, save_checkpoint
    from lp_recognition.settings.loading import refuse_other_model
    from lp_recognition.settings.tasks import load_config

    config = load_config(arguments.config, arguments.overrides)
    read = [load_checkpoint(path, type(config)) for path in arguments.checkpoints]
    for checkpoint in read:
        refuse_other_model(config, checkpoint.config, str(checkpoint.path))
        if checkpoint.quantized != read[0].quantized:
            raise UserError(
                f"{checkpoint.path}: expected float weights, or weights in 8 bits, in all checkpoints, received both"
            )
    last = read[-1]
    save_checkpoint(arguments.output, last.step, last.config, average([checkpoint.arrays for checkpoint in read]))
    print(f"{arguments.output}: the mean of {len(read)} checkpoints, with the settings of {last.path}")
    return 0


def average(arrays: Sequence[Mapping[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """The mean of each array of weights; counts are those of the last.

    Args:
        arrays: The arrays of checkpoints of one network, by name.

    Raises:
        UserError: they hold different arrays.
    """
    weights = [
        {name: array for name, array in one.items() if not name.startswith(_OPTIMIZER)} for one in arrays
    ]  # fmt: skip
    shapes = [{name: array.shape for name, array in one.items()} for one in weights]
    if any(shape != shapes[0] for shape in shapes):
        raise UserError("--checkpoints: expected checkpoints of one network, received different weights")
    return {
        name: np.mean([one[name] for one in weights], axis=0, dtype=np.float64).astype(last.dtype)
        if last.dtype.kind == "f"
        else last
        for name, last in weights[-1].items()
    }


if __name__ == "__main__":
    run_script(main)

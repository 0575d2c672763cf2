"""Prints MACs, parameters and bytes of a config's network, layer by layer, before any training.

example:
  python -m utils.model_summary config/gap8.py
"""

from __future__ import annotations

from collections.abc import Sequence

from lp_recognition.system.errors import run_script
from lp_recognition.system.options import ScriptParser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    parser = ScriptParser(__doc__)
    parser.add_config("width_multiplier=0.5")
    arguments = parser.parse_args(argv)

    from lp_recognition.settings.recognition import load_config

    config = load_config(arguments.config, arguments.overrides)

    from lp_recognition.lists.drawn import alphabet_of
    from lp_recognition.system.native_log import import_quietly

    import_quietly("lp_recognition.networks")
    from lp_recognition.networks.costs import format_costs, layer_costs
    from lp_recognition.networks.recognition import lprnet_of

    vocabulary = alphabet_of(config)
    model = lprnet_of(config.with_values(alphabet=vocabulary.symbols), quantized=False)
    print(format_costs(layer_costs(model)))
    height, width, channels = config.input_shape
    print(
        f"\ninput {height}x{width}x{channels}, {model.output_shape[1]} time steps, {vocabulary.num_classes} classes "
        f"with the blank; {model.count_params():,} parameters in training, batch normalization included"
    )
    return 0


if __name__ == "__main__":
    run_script(main)

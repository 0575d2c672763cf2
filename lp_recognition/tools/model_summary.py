"""Prints MACs, parameters and bytes of a config's network, or a shipped model's, layer by layer, before any training.

examples:
  python -m utils.model_summary config/gap8.py
  python -m utils.model_summary config/lpd_mcu.py
  python -m utils.model_summary lpdnet_nano       # a model that ships
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lp_recognition.system.errors import run_script
from lp_recognition.system.options import ScriptParser
from lp_recognition.tools.arguments import shipped_config

if TYPE_CHECKING:
    from lp_recognition.settings.detection import DetectionConfig
    from lp_recognition.settings.recognition import RecognitionConfig


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    parser = ScriptParser(__doc__)
    parser.add_config("width_multiplier=0.5", also=", or a shipped model's name")
    arguments = parser.parse_args(argv)

    from lp_recognition.settings.detection import DetectionConfig
    from lp_recognition.settings.loading import override
    from lp_recognition.settings.tasks import load_config

    shipped = shipped_config(arguments.config)
    overrides = arguments.overrides
    config = load_config(arguments.config, overrides) if shipped is None else override(shipped, overrides)

    from lp_recognition.system.native_log import import_quietly

    import_quietly("lp_recognition.networks")
    from lp_recognition.networks.costs import format_costs, layer_costs

    model, output = _detector(config) if isinstance(config, DetectionConfig) else _reader(config)
    print(format_costs(layer_costs(model)))
    height, width, channels = config.input_shape
    print(
        f"\ninput {height}x{width}x{channels}, {output}; {model.count_params():,} parameters in training, batch "
        "normalization included"
    )
    return 0


def _detector(config: DetectionConfig) -> tuple[Any, str]:
    """The network, and what comes out of it."""
    from lp_recognition.networks.detection import lpdnet_of

    strides = ", ".join(map(str, config.grids.strides))
    return lpdnet_of(config, quantized=False), f"{config.grids.count} cells at strides {strides}"


def _reader(config: RecognitionConfig) -> tuple[Any, str]:
    """The network, and what comes out of it."""
    from lp_recognition.lists.drawn import alphabet_of
    from lp_recognition.networks.recognition import lprnet_of

    vocabulary = alphabet_of(config)
    model = lprnet_of(config.with_values(alphabet=vocabulary.symbols), quantized=False)
    return model, f"{model.output_shape[1]} time steps, {vocabulary.num_classes} classes with the blank"


if __name__ == "__main__":
    run_script(main)

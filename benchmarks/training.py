"""Measures training steps and what the input takes of them, and prints a table.

Each row is a config's network, float, in bfloat16 and quantization-aware, on drawn plates, beside a plain Keras LPRNet
(Conv2D, BatchNormalization and ReLU layers) of the same shape in the same run.

example:
  python -m benchmarks.training config/ccpd.py config/gap8.py
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from typing import Any

from lp_recognition.system.errors import run_script
from lp_recognition.system.options import ScriptParser

KINDS = ("plain Keras", "float", "bfloat16", "quantization-aware")


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line."""
    parser = ScriptParser(__doc__)
    parser.add_argument("configs", nargs="*", default=["config/ccpd.py", "config/gap8.py"])
    parser.add_argument("--batch_size", type=int, default=64)
    parser.add_argument("--steps", type=int, default=8, help="measured steps (%(default)s), in turn")
    arguments = parser.parse_args(argv)

    import numpy as np

    from lp_recognition.lists.drawn import alphabet_of
    from lp_recognition.lists.rows import LabelledRows
    from lp_recognition.settings.recognition import load_config
    from lp_recognition.system.native_log import import_quietly
    from lp_recognition.system.tables import format_table
    from lp_recognition.training.batches import all_batches

    import_quietly("lp_recognition.networks")
    rows = []
    for path in arguments.configs:
        config = load_config(path)
        vocabulary = alphabet_of(config)
        changes = {"generated_share": 1.0, "batch_size": arguments.batch_size}
        drawn = config.model_copy(update={"train": config.train.model_copy(update=changes)})
        batches = all_batches(drawn, LabelledRows([], []), vocabulary)
        images, labels = batches[0]
        models = {name: _model(config, vocabulary, name) for name in KINDS}
        times: dict[str, list[float]] = {name: [] for name in models}
        for step in range(3 + arguments.steps):
            for name, model in models.items():
                began = time.perf_counter()
                model.train_on_batch(images, labels)
                if step >= 3:
                    times[name].append(time.perf_counter() - began)
        plain = statistics.median(times["plain Keras"])
        for name, seconds in times.items():
            median = statistics.median(seconds)
            speed = arguments.batch_size / np.array([median, max(seconds), min(seconds)])
            rows.append((path, name, *(f"{value:.0f}" for value in speed), f"{plain / median:.2f}"))
    header = ("config", "network", "samples/s (median)", "slowest step", "fastest step", "times plain Keras")
    print(format_table(header, rows))


def _model(config: Any, vocabulary: Any, kind: str) -> Any:
    import keras

    from lp_recognition.networks.losses import CTCLoss
    from lp_recognition.networks.lprnet import Architecture, build_lprnet

    architecture = Architecture.from_config(config, vocabulary.num_classes)
    if kind == "plain Keras":
        model = _plain_lprnet(architecture)
    else:
        model = build_lprnet(
            architecture,
            quantization_aware=kind == "quantization-aware",
            precision="mixed_bfloat16" if kind == "bfloat16" else "float32",
        )
    optimizer = keras.optimizers.AdamW(0.0001, global_clipnorm=5.0)
    model.compile(optimizer=optimizer, loss=CTCLoss(vocabulary.blank_index), jit_compile=False)
    return model


def _plain_lprnet(architecture: Any) -> Any:
    """The same network as anyone would write it in Keras; without a global context, whose share is small."""
    import keras
    from keras import layers

    def unit(x: Any, filters: int, size: tuple[int, int], padding: str = "same") -> Any:
        x = layers.Conv2D(filters, size, padding=padding, use_bias=False)(x)
        return layers.ReLU()(layers.BatchNormalization()(x))

    width = architecture.width
    images = keras.Input(architecture.input_shape)
    x = unit(images, width(architecture.stem_filters), (3, 3))
    x = layers.MaxPooling2D((3, 3), architecture.stem_pool_strides)(x)
    for filters_of_blocks in architecture.block_filters:
        for filters in filters_of_blocks:
            for size, share in (((1, 1), 4), ((3, 1), 4), ((1, 3), 4), ((1, 1), 1)):
                x = unit(x, width(filters) // share, size)
        x = layers.MaxPooling2D((3, 3), (2, 1))(x)
    x = layers.Dropout(0.5)(x)
    x = layers.Dropout(0.5)(unit(x, width(architecture.head_filters), (architecture.head_height, 1), "valid"))
    x = unit(x, architecture.num_classes, (1, architecture.head_kernel_width))
    logits = layers.Conv2D(architecture.num_classes, 1)(x)
    return keras.Model(images, layers.Reshape((architecture.time_steps, architecture.num_classes))(logits))


if __name__ == "__main__":
    run_script(main)

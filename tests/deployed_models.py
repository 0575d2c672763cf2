"""One small model in every form that is deployed, made in seconds: random weights whose ranges drawn plates caused."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

import numpy as np

from lp_recognition.images.image import write_image
from lp_recognition.lists.annotations import write_annotations
from lp_recognition.settings.recognition import RecognitionConfig
from lp_recognition.system.native_log import import_quietly

ROOT = Path(__file__).resolve().parent.parent
#: Real crops, where this machine has them.
REAL_CROPS = ROOT.parent / "shared" / "data"

CONFIG = RecognitionConfig(
    input_shape=(24, 94, 3), alphabet="京沪AB01", width_multiplier=0.15, stem_pool_strides=(2, 2), head_kernel_width=5,
    global_context="convolutional", quantization_aware=True, lpr_patterns=("[京沪][AB][01]{5}",),
)  # fmt: skip


@functools.cache
def folder() -> Path:
    """A folder with `model.ckpt-7.ckpt` (its ranges learnt), `float.ckpt` (none) and `crops/list.txt`."""
    import_quietly("tensorflow")
    from lp_recognition.model_files.checkpoints import model_arrays, save_checkpoint
    from lp_recognition.networks.lprnet import Architecture, build_lprnet
    from lp_recognition.plates import PlateGenerator

    path = Path(tempfile.mkdtemp(prefix="deployed"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    generator = PlateGenerator(["cn_blue"], seed=3, size=None)
    plates = [generator.draw(number) for number in range(24)]
    rows = []
    for number, plate in enumerate(plates):
        write_image(path / "crops" / f"{number}.png", plate.image)
        rows.append((f"{number}.png", "京A00011" if number % 2 else "沪B11100"))
    write_annotations(path / "crops" / "list.txt", rows)

    images = CONFIG.preprocessing.normalize(np.stack([CONFIG.preprocessing.prepare(plate.image) for plate in plates]))
    architecture = Architecture.from_config(CONFIG, CONFIG.vocabulary().num_classes)
    rng = np.random.default_rng(0)
    for name, quantized in (("float.ckpt", False), ("model.ckpt-7.ckpt", True)):
        model = build_lprnet(architecture, quantization_aware=quantized)
        for weight in model.weights:
            if weight.path.endswith("gamma"):
                weight.assign(rng.uniform(0.8, 1.2, weight.shape))
            elif weight.path.endswith("beta"):
                weight.assign(rng.normal(0, 0.1, weight.shape))
            elif weight.path.endswith("kernel"):  # Keras draws them from a seed of its own
                spread = np.sqrt(2 / np.prod(weight.shape[:-1]))
                weight.assign(rng.normal(0, spread, weight.shape))
        if quantized:
            for first in range(0, 24, 8):
                model(images[first : first + 8], training=True)
        save_checkpoint(path / name, 7 if quantized else 3, CONFIG, model_arrays(model))
    return path


@functools.cache
def exported() -> Path:
    """The checkpoint exported by the script: graph.pb.frozen, graph_uint8, _int8, _float and _float16 .tflite."""
    import export_frozen_graph

    out = folder() / "out"
    arguments = ["--checkpoint", str(folder() / "model.ckpt-7.ckpt"), "--output_dir", str(out)]
    arguments += ["--tflite", "uint8", "int8", "float", "float16", "--list", str(folder() / "crops" / "list.txt")]
    assert export_frozen_graph.main([str(config_file()), *arguments]) == 0
    return out


@functools.cache
def config_file() -> Path:
    """The config, recorded."""
    from lp_recognition.settings.loading import save_settings

    save_settings(CONFIG, folder() / "config.yaml")
    return folder() / "config.yaml"


def prepared_crops() -> np.ndarray:
    """The drawn crops as the network sees them, uint8."""
    from lp_recognition.images.image import read_image

    paths = sorted((folder() / "crops").glob("*.png"), key=lambda path: int(path.stem))
    return np.stack([CONFIG.preprocessing.prepare(read_image(path)) for path in paths])

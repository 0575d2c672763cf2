"""A small network for tests: its config, its trained forms, and the commands around it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from lp_recognition.settings.recognition import RecognitionConfig, load_config

ROOT = Path(__file__).resolve().parent.parent

#: A network that trains in seconds.
TINY = {
    "width_multiplier": 0.25,
    "stem_pool_strides": (2, 2),
    "block_filters": ((96,),),
    "head_filters": 128,
    "head_kernel_width": 5,
    "global_context": "convolutional",
}
#: A training to go with it: short, on crops as they are, without help of other processes.
TINY_TRAIN = {
    "batch_size": 4,
    "steps": 4,
    "quantization_delay": 2,
    "save_checkpoints_steps": 2,
    "learning_rate_warmup_steps": 0,
    "display_iter": 1,
    "dropout_rate": 0.1,
    "workers": 0,
}


def tiny_config(model_dir: str | Path = "", **values) -> RecognitionConfig:
    """A small config; `decode_...=`, `train_...=`, `eval_...=` and `infer_...=` set values of the sections."""
    sections: dict[str, dict] = {"decode": {}, "train": dict(TINY_TRAIN), "eval": {"generated_plates": 4}, "infer": {}}
    top = dict(TINY)
    for name, value in values.items():
        section, _, key = name.partition("_")
        if section in sections:
            sections[section][key] = value
        else:
            top[name] = value
    return RecognitionConfig.model_validate({"model_dir": str(model_dir), **top, **sections})


@dataclass(frozen=True)
class TrainedModel:
    """One model in every form it takes.

    Attributes:
        folder: The `model_dir` of its training.
        config: The recorded config.
        floating: Its last float checkpoint.
        checkpoint: Its last, quantization-aware one.
    """

    folder: Path

    @property
    def config(self) -> RecognitionConfig:
        return load_config(self.folder / "config.yaml")

    @property
    def floating(self) -> Path:
        return self.folder / "model.ckpt-80.ckpt"

    @property
    def checkpoint(self) -> Path:
        return self.folder / "model.ckpt-140.ckpt"


def convert(graph: Path, target: Path, mean: int, std_dev: int) -> None:
    """Runs `tflite_convert` as a user does."""
    options = {
        "graph_def_file": graph, "output_file": target, "input_arrays": "input", "output_arrays": "Squeeze",
        "inference_type": "QUANTIZED_UINT8", "mean_values": mean, "std_dev_values": std_dev,
    }  # fmt: skip
    command = [Path(sys.executable).parent / "tflite_convert", "--enable_v1_converter"]
    command += [f"--{name}={value}" for name, value in options.items()]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr[-2000:]


def run_python(*arguments: object, timeout: float = 300, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a script of the repository as a user does."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)], capture_output=True, text=True, cwd=ROOT, timeout=timeout,
        env={**os.environ, **environment},
    )  # fmt: skip

"""What many tests share: eight labelled crops, and one small model that has learnt them, in every form it takes."""

from __future__ import annotations

import fcntl
import functools
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings
from tiny_models import TrainedModel, convert, tiny_config

from lp_recognition.images.image import write_image
from lp_recognition.lists.annotations import write_annotations

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# A shell that starts the tests behind it has them ignore Ctrl-C, and all that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples every time, and as long as they take: a busy machine fails no test.
settings.register_profile("project", deadline=None, derandomize=True)
settings.load_profile("project")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "in_graphs: trains in compiled graphs also where the `eager` fixture is used")


@pytest.fixture
def eager(request, monkeypatch) -> None:
    """Trains one operation at a time: for a few steps that is many times faster than compiling graphs."""
    if "in_graphs" not in request.keywords:
        import keras

        monkeypatch.setattr(keras.Model, "compile", functools.partialmethod(keras.Model.compile, run_eagerly=True))


@pytest.fixture(scope="session")
def shared(tmp_path_factory) -> Callable[[str, Callable[[Path], None]], Path]:
    """Makes a folder once for all worker processes of a test run."""
    base = tmp_path_factory.getbasetemp()
    base = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base

    def folder_of(name: str, make: Callable[[Path], None]) -> Path:
        folder = base / f"shared {name}"
        with (base / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (folder / "done").exists():
                folder.mkdir(exist_ok=True)
                make(folder)
                (folder / "done").touch()
        return folder

    return folder_of


@pytest.fixture(scope="session")
def crops(shared) -> Path:
    """A folder with `list.txt`, `path LABEL` of eight crops, and `paths.txt` without labels."""

    def make(folder: Path) -> None:
        from lp_recognition.plates import Degradations, PlateGenerator

        # Good photographs: a model of a few steps learns them by heart, whatever the drawing is like.
        good = Degradations().good_photograph()
        generator = PlateGenerator(["cn_blue"], seed=5, size=None, degradations=good)
        rows = []
        for number in range(8):
            plate = generator.draw(number)
            path = Path("crops 图") / f"{number} {plate.label}.png"  # a space and Chinese characters
            write_image(folder / path, plate.image)
            rows.append((path, plate.label))
        write_annotations(folder / "list.txt", rows)
        write_annotations(folder / "paths.txt", [(path, "") for path, _ in rows])

    return shared("crops", make)


@pytest.fixture(scope="session")
def trained(shared, crops) -> TrainedModel:
    """A model that has learnt the eight crops by heart: 80 steps in float, 60 with quantization."""

    def make(folder: Path) -> None:
        from lp_recognition.training.recognition import train

        config = tiny_config(
            folder, train_file_list_path=str(crops / "list.txt"), eval_file_list_path=str(crops / "list.txt"),
            quantization_aware=True, train_batch_size=8, train_steps=140, train_quantization_delay=80,
            train_save_checkpoints_steps=140, train_learning_rate=0.01, train_display_iter=50,
            train_apply_basic_aug=False, train_apply_stn_aug=False, train_apply_blur_aug=False, train_dropout_rate=0,
        )  # fmt: skip
        train(config)

    return TrainedModel(shared("trained", make))


@pytest.fixture(scope="session")
def graph(shared, trained) -> Path:
    """The trained model as `graph.pb`."""

    def make(folder: Path) -> None:
        import export_frozen_graph

        arguments = [str(trained.folder / "config.yaml"), "--checkpoint", str(trained.checkpoint)]
        assert export_frozen_graph.main([*arguments, "--output_dir", str(folder)]) == 0
        (folder / "graph.pb.frozen").rename(folder / "graph.pb")

    return shared("graph", make) / "graph.pb"


@pytest.fixture(scope="session")
def tflite(shared, graph) -> Path:
    """The graph as a uint8 file, by the very command of the workflow."""

    def make(folder: Path) -> None:
        convert(graph, folder / "graph.tflite", mean=128, std_dev=127)

    return shared("tflite", make) / "graph.tflite"

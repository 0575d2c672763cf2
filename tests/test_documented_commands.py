"""Every command that a document or a docstring shows runs, in a folder with stand-ins for the files it names.

What is quick runs to its end. What trains, exports or measures for long runs until that begins: its arguments and its
config are read by then. The few that cannot be tried here are listed with the reason.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from documented_commands import in_docstring, in_document, shown_commands
from tiny_events import make_event
from tiny_models import ROOT
from tiny_videos import write_video

from lp_recognition.lists.annotations import read_annotations, write_annotations
from lp_recognition.lists.scenes import Scene, ScenePlate, write_scenes
from lp_recognition.model_files.pretrained import find_model
from lp_recognition.settings.detection import DetectionConfig
from lp_recognition.settings.loading import save_settings
from lp_recognition.settings.recognition import RecognitionConfig
from lp_recognition.system.errors import UserError
from lp_recognition.video.database.known_plates import put_known
from lp_recognition.video.database.store import Store
from lp_recognition.video.known import KnownPlate
from utils import demo

COMMANDS = shown_commands(ROOT)

#: Commands of other programs that are not run here, and why.
NOT_RUN = {
    "conda": "makes an environment",
    "mv": "moves what the line before it wrote",
    "source": "changes the shell",
    "tensorboard": "serves until it is stopped",
    "tflite_convert": "takes long; the tests of export run it",
    ".venv/bin/pre-commit": "installs a hook into the clone",
    ".venv/bin/python": "runs tests in tests",
}
#: Stand for any name.
PLACEHOLDERS = {
    "KERAS_BACKEND=jax python train_lpr.py ...",
    "python -m lp_recognition.tools.<name>",
    "python -m utils.x",
    "python utils/x.py",
}
#: Shown for the mistake that they are.
MISTAKES = {"python infer_tflite_single_image.py out/graph_int8.tflite plate.jpg --config config/czech.py"}
#: Options that make a command quick.
QUICKLY = {
    "lp_recognition.tools.generate_plates": ["--count", "3", "--workers", "1"],
    "lp_recognition.tools.generate_scenes": ["--count", "2", "--workers", "1"],
    "lp_recognition.tools.generate_drives": ["--count", "1", "--size", "96x128"],
    "lp_recognition.tools.repaint_plates": ["--count", "4"],
    "lp_recognition.tools.check_annotations": ["--workers", "1"],
}
_CHECKPOINT = "lp_recognition.model_files.checkpoints.find_checkpoint"
#: Where the long part of a command begins: it is not run.
BEGINNINGS = {
    "train_lpr": ["lp_recognition.training.recognition.train"],
    "train_lpd": ["lp_recognition.training.detection.train"],
    "eval_lpr": [_CHECKPOINT, "lp_recognition.export.frozen_graph.FrozenGraph.__init__"],
    "eval_lpd": [_CHECKPOINT, "lp_recognition.tools.models.open_detector"],
    "test_lpr": [_CHECKPOINT],
    "test_lpd": [_CHECKPOINT, "lp_recognition.tools.models.open_detector"],
    "sample_inference": [
        "lp_recognition.reading.detector.Detector.__init__",
        "lp_recognition.client.remote.RemoteAlpr.read",
    ],
    "lp_recognition.tools.alpr": [
        "lp_recognition.reading.detector.Detector.__init__",
        "lp_recognition.video.streams.started_workers",
        "lp_recognition.service.opening.open_app",
        "lp_recognition.client.remote.RemoteAlpr.read",
        "lp_recognition.client.sending.Sending.__init__",
    ],
    "export_frozen_graph": [_CHECKPOINT],
    "infer_frozen_graph_single_image": ["lp_recognition.tools.models.open_model"],
    "lp_recognition.tools.video_to_data": ["lp_recognition.reading.detector.Detector.__init__"],
    "lp_recognition.tools.compare_models": ["lp_recognition.deployment.comparison.compare"],
    "lp_recognition.tools.messages_to_kafka": ["lp_recognition.tools.messages_to_kafka._replay"],
    "lp_recognition.tools.label_with_model": ["lp_recognition.tools.models.open_model"],
    "lp_recognition.tools.average_checkpoints": ["lp_recognition.model_files.checkpoints.load_checkpoint"],
    "lp_recognition.tools.quantize_after_training": [_CHECKPOINT],
    "lp_recognition.tools.deployment_report": ["lp_recognition.deployment.report.report_config"],
    "lp_recognition.tools.crop_scenes": ["lp_recognition.lists.scenes.read_scenes"],
    "lp_recognition.tools.crop_ccpd": ["lp_recognition.tools.crop_ccpd.convert_ccpd"],
    "lp_recognition.tools.convert_czech": ["lp_recognition.tools.convert_czech.convert_czech"],
    "lp_recognition.tools.convert_ufpr": ["lp_recognition.tools.convert_ufpr.convert_ufpr"],
    "utils.demo": ["utils.demo._run_workflow"],
    "benchmarks.ccpd_cropping": ["benchmarks.ccpd_cropping._draw", "benchmarks.ccpd_cropping._measure"],
    "benchmarks.detection_speed": ["benchmarks.detection_speed._stay_on_one_core"],
    "benchmarks.input_pipeline": ["lp_recognition.training.batches.all_batches"],
    "benchmarks.plate_degradations": ["benchmarks.plate_degradations._train"],
    "benchmarks.plate_generator": ["lp_recognition.plates.PlateGenerator"],
    "benchmarks.page_pictures": ["lp_recognition.tools.generate_drives.main"],
    "benchmarks.reading": ["benchmarks.reading.subprocess.run"],
    "benchmarks.serving": ["benchmarks.serving.draw_pictures"],
    "benchmarks.training": ["benchmarks.training._model"],
    "benchmarks.video_speed": ["benchmarks.video_speed._write_file"],
    "benchmarks.watching": ["benchmarks.watching._measure_drives", "benchmarks.watching._measure_clips"],
}


class HasBegun(BaseException):
    """The long part of a command has begun; not an error, so that nothing takes it for one."""


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """The current folder: a clone as far as commands look into it, to which nothing is written."""
    for name in ("config", "benchmarks", "utils", "pyproject.toml", "Makefile", "environment.yml"):
        (tmp_path / name).symlink_to(ROOT / name)
    for path in (ROOT / "pretrained").glob("*/*"):
        place = tmp_path / "pretrained" / path.parent.name
        place.mkdir(parents=True, exist_ok=True)
        (place / path.name).symlink_to(path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(ROOT), *sys.path])
    return tmp_path


# ---- Stand-ins -----------------------------------------------------------------------------------------------------

#: Options whose value is written, or is a folder that need not be there.
WRITTEN = {
    "--output", "--events", "--csv", "--json_lines", "--output_dir", "--html", "--json", "--plot", "--cleaned",
    "--new_dir", "--old_dir",
}  # fmt: skip
#: The models that stand in for those of a config, or of what the name of another says.
MODELS = {"ccpd.py": "lprnet_cn", "latin": "lprnet_mcu_latin", "nano": "lprnet_nano_cn"}
_FILE = re.compile(r"[\w./*-]+\.(?:txt|csv|gpx|jsonl|jpg|mp4|ckpt|pb|tflite|yaml)\b")


def read_by(words: tuple[str, ...]) -> Iterator[str]:
    """The files and folders that a command reads, by their names."""
    for before, word in zip(("", *words), words, strict=False):
        if before not in WRITTEN and not word.startswith(("-", "/")) and "://" not in word:
            files = _FILE.findall(word)
            yield from files
            if not files and "=" not in word and "/" in word and not Path(word.rstrip("/")).suffix:
                yield word


def stand_in(name: str, model: str, crops: Path) -> None:
    """Puts something of the kind that the name tells where a command looks for it, models by the name of one."""
    path = Path(name.replace("*", "0"))
    rows = [(row.path, row.label) for row in read_annotations(crops / "list.txt")[0]]
    rows = {"train": rows[:4], "val": rows[4:6], "test": rows[6:]}.get(path.stem, rows)
    rows[0] = (rows[0][0], f"皖{rows[0][1][1:]}")  # one of them fits the patterns that are shown
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".txt":
        unlabelled = path.stem in ("files", "images", "more", "plates")
        write_annotations(path, [(image, "" if unlabelled else label) for image, label in rows])
    elif path.suffix == ".csv":
        header = "datei,kennzeichen" if path.stem == "plates" else "image_path,plate_text"
        lines = [header, *(f"{image},{label}" for image, label in rows)]
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    elif path.name == "events.jsonl":
        path.write_text(json.dumps(make_event(1).to_json()) + "\n", encoding="utf-8")
    elif path.suffix == ".jsonl":
        write_scenes(path, [Scene(rows[0][0], (100, 200), (ScenePlate((10, 20, 90, 50)),))])
    elif path.suffix == ".jpg":
        shutil.copy(rows[0][0], path)
    elif path.suffix == ".mp4":
        write_video(path, [0, 0.1])
    elif path.suffix == ".gpx":
        point = '<trkpt lat="50" lon="14"><time>2026-11-26T12:00:00Z</time></trkpt>'
        path.write_text(f'<gpx version="1.1"><trk><trkseg>{point}</trkseg></trk></gpx>', encoding="utf-8")
    elif path.suffix == ".tflite":
        shutil.copy(find_model(model if path.stem.endswith("_int8") else f"{model}_uint8"), path)
    elif path.suffix == ".yaml" and "lpd" in str(path):
        save_settings(DetectionConfig(), path)
    elif path.suffix == ".yaml":
        shutil.copy(ROOT / "pretrained" / model / "config.yaml", path)
    elif path.suffix:
        path.touch()
    else:
        path.mkdir()
        for image, label in rows:  # the label in the name of the image, or in a text file of that name
            if path.name == "label":
                (path / f"{label}.txt").write_text(label, encoding="utf-8")
            else:
                shutil.copy(image, path / f"{label}.jpg")
                shutil.copy(image, path / f"1-{label}.jpg")


def stand_in_database(address: str) -> None:
    """Makes a database of one event and one known plate."""
    with Store(address) as store:
        store.record(make_event(1))
        put_known(store, [KnownPlate("AB 123")])


# ---- Running -------------------------------------------------------------------------------------------------------


def run_shown(words: tuple[str, ...], crops: Path, monkeypatch) -> int:
    """Runs a command of this project in this process; returns its status, 0 also where its long part began."""
    module, *arguments = words
    if len(words) == 2 and module == "alpr" and not arguments[0].startswith("-"):
        arguments = arguments if arguments == ["models"] else [*arguments, "--help"]
    if words[:2] == ("python", "-m"):
        module, *arguments = words[2:]
    elif words[0] == "python":
        module, *arguments = words[1:]
        module = module.removesuffix(".py").replace("/", ".")
    imported = importlib.import_module(module)
    if not hasattr(imported, "main"):  # a package, as `python -m` runs it
        imported = importlib.import_module(f"{module}.__main__")
    name = module if module in BEGINNINGS else imported.main.__module__
    for beginning in BEGINNINGS.get(name, []):
        monkeypatch.setattr(beginning, begin_training if name in ("train_lpr", "train_lpd") else begin)
    model = next((model for word, model in MODELS.items() if any(word in argument for argument in arguments)), "")
    for read in read_by(tuple(arguments)):
        stand_in(read, model or "lprnet_mcu_cn", crops)
    for address in (word for word in arguments if word.startswith("sqlite:///")):
        stand_in_database(address)
    # As a shell does it: a pattern that fits no file stays what it is.
    given = [found for word in arguments for found in (("*" in word and sorted(map(str, Path().glob(word)))) or [word])]
    given = [*given, *QUICKLY.get(name, [])] if arguments else ["--help"]  # a name alone
    monkeypatch.setattr(sys, "argv", [module, *given])
    with contextlib.suppress(HasBegun):
        try:
            return imported.main(given) or 0
        except SystemExit as end:
            return int(end.code or 0)
    return 0


def begin(*arguments: object, **options: object) -> None:
    """Stands for the long part of a command."""
    raise HasBegun


def begin_training(config: RecognitionConfig | DetectionConfig, *arguments: object, **options: object) -> None:
    """Stands for a training, which has something to train on."""
    assert config.train.file_list_path or config.train.generated_share == 1
    raise HasBegun


@pytest.mark.parametrize("shown", COMMANDS, ids=lambda shown: re.sub(r"[^\w.=-]+", " ", shown.text)[:80])
def test_a_shown_command_runs(shown, folder, crops, monkeypatch, capsys):
    program, *arguments = shown.words
    if shown.text in PLACEHOLDERS:
        return
    if program == "make":
        makefiles = (ROOT / "Makefile", ROOT / "lp_recognition/deployment/firmware/Makefile")
        text = "\n".join(path.read_text(encoding="utf-8") for path in makefiles)
        targets = set(re.findall(r"^([\w-]+)(?= .*:|:)", text, re.MULTILINE))
        assert set(arguments) - {"-C", "firmware"} <= targets
    elif program == "pip":
        [extras] = re.findall(r"^install \.(?:\[([\w,]+)\])?$", " ".join(arguments))
        project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
        assert all(re.search(rf"^{extra} = \[", project, re.MULTILINE) for extra in extras.split(",") if extra)
    elif program not in NOT_RUN:
        words = tuple("model/model.ckpt-1.ckpt" if word == "..." else word for word in shown.words)
        if shown.text in MISTAKES:
            with contextlib.suppress(UserError):
                assert run_shown(words, crops, monkeypatch) == 2
        else:  # 1 says that a list has errors, or a model does not fit a chip
            assert run_shown(words, crops, monkeypatch) in (0, 1), capsys.readouterr().err


def test_the_commands_of_the_demonstration_run(folder, crops, monkeypatch, capsys):
    called = []
    Path("demo/frozen_graph").mkdir(parents=True)
    Path("demo/frozen_graph/graph.pb.frozen").touch()

    def run(command: list[str], quiet: bool = False) -> None:
        called.append(command[1] if command[0] == sys.executable else Path(command[0]).name)
        if "-m" in command or "export_frozen_graph.py" in command:
            assert "--overwrite" in command  # so that it can be run again
        words = tuple("python" if word == sys.executable else word for word in command)
        with monkeypatch.context() as patch:
            patch.setattr("lp_recognition.tools.models.open_model", begin)
            assert words[0] != "python" or run_shown(words, crops, patch) in (0, 1), capsys.readouterr().err

    total = {"plates": 4, "found": 3, "read": 2}
    figures = {"lp_rr": 0.5, "lp_rr_interval": (0.4, 0.6), "ap_50": 0.8, "end_to_end": {"total": total}}
    monkeypatch.setattr(demo, "_call", run)
    monkeypatch.setattr(demo, "_measured", lambda command, results: run(command) or figures)
    assert demo.main(["--output", "demo", "train.steps=5"]) == 0
    scripts = ["train_lpr.py", "eval_lpr.py", "train_lpd.py", "eval_lpd.py", "export_frozen_graph.py", "alpr.py"]
    assert {*scripts, "tflite_convert", "test_lpr.py", "-m"} == set(called)
    assert called.count("alpr.py") == 2
    output = capsys.readouterr().out
    assert "| demo/frozen_graph_lpd/graph_int8.tflite | demo/frozen_graph/graph_int8.tflite | 0.800" in output
    assert "| lpdnet " in output
    assert re.search(r"\| 75.0% \| +50.0% \|", output)


# ---- The lists of this file, and the reading of documents ----------------------------------------------------------


def test_what_is_listed_here_is_shown_somewhere():
    texts = {shown.text for shown in COMMANDS}
    assert texts >= PLACEHOLDERS | MISTAKES
    assert {shown.words[0] for shown in COMMANDS} >= set(NOT_RUN)


def test_commands_are_found_where_they_stand():
    document = """
Run `python a.py x`, not `a.py`:

    $ python -m b.c one \\
        --two            # says
    printed
    DATA="x=1 y=2"
    alpr read $DATA

```
make test
$ python d.py
```
"""
    assert in_document(document) == [
        "python a.py x", "python -m b.c one --two", "alpr read $DATA", "make test", "python d.py",
    ]  # fmt: skip
    assert in_docstring("Does x.\n\nexample:\n  python a.py b    what it does\n  pythonic\n") == ["python a.py b"]


def test_a_command_that_does_not_run_is_found_out(folder, crops, monkeypatch):
    for line in (
        "python train_lpr.py config train.bacth_size=3",
        "python alpr.py raed x",
        "python eval_lpr.py none.py",
    ):
        with pytest.raises(UserError):
            run_shown(tuple(line.split()), crops, monkeypatch)
    assert run_shown(("python", "train_lpr.py", "config", "--no_such"), crops, monkeypatch) == 2
    with pytest.raises(ModuleNotFoundError):
        run_shown(("python", "-m", "utils.no_such", "x"), crops, monkeypatch)

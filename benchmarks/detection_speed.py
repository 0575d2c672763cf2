"""Measures reading a photograph of 1280x720 with one plate on one core: found, laid flat, read, and prints a table.

examples:
  python -m benchmarks.detection_speed                                    # the detectors that ship, int8
  python -m benchmarks.detection_speed out/graph_int8.tflite config/lpd_mcu.py --reader lprnet_mcu_latin

A config stands for its network without training as int8, which is as fast as a trained one. All models take turns at a
drawn photograph; shown are medians of the processor's time, so that others on the machine count less. *network* is the
model alone, *detect* is from the photograph to plates, *corners* the second look at the one that is there. Where it is
not found, its true corners are looked at and laid flat, so that all do the same work; the last column says so.
RapidOCR, which reads any text and carries its models, takes part where it is installed (the extra `[text]`).
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lp_recognition.model_files.pretrained import DEFAULT_CORNERS, named_corners
from lp_recognition.system.errors import UserError, run_script
from lp_recognition.system.options import ScriptParser

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lp_recognition.images.image import Image
    from lp_recognition.plates.scenes import SeenPlate
    from lp_recognition.reading.detector import Detector
    from lp_recognition.reading.recognizer import Recognizer

_SIZE = (720, 1280)
_QUALITY = 90
_WARM_UP = 3
#: So many cells speak of a plate, about; as many as that, at most, are let speak in a network without training.
_CELLS = 8
_STEPS = ("network", "detect", "corners", "rectify", "read", "in all", "with the JPEG")


@dataclass
class Runner:
    """What reads a photograph, and how long its steps took.

    Attributes:
        name: What it is called in the table.
        mmac: Millions of multiply-accumulates of a detector; None where they are not known.
        run: Reads a photograph and gives milliseconds by step, `in all` among them.
        note: What came of it.
        times: Milliseconds of each run, by step.
    """

    name: str
    mmac: float | None
    run: Callable[[Image], dict[str, float]]
    note: str
    times: dict[str, list[float]] = field(default_factory=dict)

    def row(self, fastest: float) -> list[object]:
        """Its row of the table, with how many times the first one's time it takes."""
        medians = {step: statistics.median(values) for step, values in self.times.items()}
        cells: list[object] = [self.name, "-" if self.mmac is None else f"{self.mmac:.1f}"]
        cells += [f"{medians[step]:.2f}" if step in medians else "-" for step in _STEPS]
        return [*cells, f"{medians['in all'] / fastest:.1f}", self.note]


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    parser = ScriptParser(__doc__)
    parser.add_argument("models", nargs="*", metavar="MODEL", help="shipped detectors, .tflite files, or configs")
    parser.add_argument("--reader", default="lprnet_mcu_cn", help="the reader of the plate (%(default)s)")
    parser.add_argument("--corners", default=DEFAULT_CORNERS, help="what looks again; off for nothing (%(default)s)")
    parser.add_argument("--runs", type=int, default=60, help="runs of each (%(default)s)")
    arguments = parser.parse_args(argv)
    if arguments.runs < 1:
        raise UserError(f"--runs: expected at least 1, received {arguments.runs}")
    _stay_on_one_core()

    from lp_recognition.images.image import decode_image
    from lp_recognition.reading.detector import Detector
    from lp_recognition.reading.recognizer import Recognizer
    from lp_recognition.system.tables import format_table

    data, plate = _photograph()
    photograph = decode_image(data, "photograph")
    reader = Recognizer(arguments.reader)
    corners = named_corners(arguments.corners)
    looker = None if corners is None else Detector(corners)
    opened = [(name, *_open(name, photograph)) for name in arguments.models or _shipped()]
    runners = [_runner(name, detector, mmac, looker, reader, photograph, plate) for name, detector, mmac in opened]
    peer = _rapidocr(photograph, plate)
    if not runners and peer is None:
        raise UserError("expected a detector to measure, received none: none ships; name a .tflite or a config")
    runners += [peer] if peer is not None else []
    decoding = []
    for number in range(_WARM_UP + arguments.runs):
        began = time.process_time()
        decode_image(data, "photograph")
        decoding.append(1000 * (time.process_time() - began))
        for runner in runners:
            times = runner.run(photograph)
            times["with the JPEG"] = times["in all"] + decoding[-1]
            if number >= _WARM_UP:
                for step, taken in times.items():
                    runner.times.setdefault(step, []).append(taken)
    fastest = statistics.median(runners[0].times["in all"])
    header = ("model", "MMAC", *_STEPS, "of the first", "the plate")
    print(format_table(header, [runner.row(fastest) for runner in runners]))
    print(f"\nmilliseconds of one core, medians of {arguments.runs} runs in turn; read by {arguments.reader}")
    print(f"decoding the JPEG of {len(data) / 1000:,.0f} KB: {statistics.median(decoding[_WARM_UP:]):.2f} ms")
    if peer is None:
        print("RapidOCR: not measured, not installed (pip install 'lp-recognition[text]')")
    return 0


def _stay_on_one_core() -> None:
    """Before anything makes threads."""
    if sys.platform == "linux":
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

    import cv2

    cv2.setNumThreads(1)


def _photograph() -> tuple[bytes, SeenPlate]:
    """A drawn photograph as a JPEG, and its only plate."""
    import cv2

    from lp_recognition.plates.scenes import SceneGenerator

    generator = SceneGenerator(["cn_blue"], seed=7, size=_SIZE, plate_widths=(0.12, 0.2))
    scene = next(scene for scene in map(generator.draw, range(1000)) if len(scene.plates) == 1)
    _, data = cv2.imencode(".jpg", scene.image, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return data.tobytes(), scene.plates[0]


def _shipped() -> list[str]:
    """The int8 files of the detectors that ship, by name."""
    from lp_recognition.model_files.pretrained import shipped_models

    models = shipped_models("detection")
    return [name for name in models if not name.endswith("_uint8") and name != DEFAULT_CORNERS]


def _open(name: str, photograph: Image) -> tuple[Detector, float]:
    """A detector and its million multiply-accumulates."""
    from lp_recognition.deployment.layers import read_model_file, read_network
    from lp_recognition.model_files.pretrained import find_model
    from lp_recognition.reading.detector import Detector

    if Path(name).suffix in (".py", ".yaml") or Path(name).is_dir():
        return _untrained(name, photograph)
    path = find_model(name)
    return Detector(path), read_network(read_model_file(path), name).macs / 1e6


def _untrained(name: str, photograph: Image) -> tuple[Detector, float]:
    """The network of a config without training; its threshold lets some cells speak, as a plate does."""
    import numpy as np

    from lp_recognition.boxes.cells import scores_of
    from lp_recognition.deployment.layers import read_network
    from lp_recognition.deployment.report import untrained_file
    from lp_recognition.images.scene_augmentation import letterbox
    from lp_recognition.reading.detector import Detector
    from lp_recognition.settings.detection import load_config
    from lp_recognition.system.native_log import import_quietly

    config = load_config(name)
    data = untrained_file(import_quietly("lp_recognition.export.detection").TASK, config, "int8")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "untrained.tflite"
        path.write_bytes(data)
        detector = Detector(path, config=config)
    fitted, _ = letterbox(config.preprocessing.to_channels(photograph), config.input_shape[:2])
    scores = np.sort(scores_of(detector.predict(fitted[None])[0, :, 0]))[::-1]
    detector.score_threshold = float(scores[_CELLS]) + 1e-9  # of equal ones, none
    return detector, read_network(data, name).macs / 1e6


def _runner(
    name: str,
    detector: Detector,
    mmac: float,
    looker: Detector | None,
    reader: Recognizer,
    photograph: Image,
    plate: SeenPlate,
) -> Runner:
    """A detector with a second look and a reader."""
    import numpy as np

    from lp_recognition.reading.closer_look import look_closer
    from lp_recognition.reading.detector import Detection
    from lp_recognition.reading.rectification import rectify

    corners, found = _corners(detector, photograph, plate)
    seen = [Detection(np.asarray(corners, np.float32), 1.0)]

    def look(image: Image) -> Detection:
        return (seen if looker is None else look_closer(looker, image, seen))[0]

    def run(image: Image) -> dict[str, float]:
        began = time.process_time()
        detector.run(values)
        marks = [time.process_time()]
        detector.detect(image)
        marks.append(time.process_time())
        plate = look(image)
        marks.append(time.process_time())
        crop = rectify(image, plate.corners)
        marks.append(time.process_time())
        reader.read(crop)
        marks.append(time.process_time())
        steps = [1000 * (after - before) for before, after in zip([began, *marks], marks, strict=False)]
        return {**dict(zip(_STEPS, steps, strict=False)), "in all": sum(steps[1:])}

    taken = detector.ends[0]
    values = np.zeros(taken.shape, taken.dtype)
    text = reader.read(rectify(photograph, look(photograph).corners)).text
    note = f"{'found' if found else 'not found'}, reads {text} ({plate.text} stands there)"
    return Runner(name, mmac, run, note)


def _corners(detector: Detector, photograph: Image, plate: SeenPlate) -> tuple[NDArray[Any], bool]:
    """The corners of the plate as they are found, or else as they are; and whether they were found."""
    from lp_recognition.boxes.intersection import box_iou, sides_around

    true = sides_around([(float(x), float(y)) for x, y in plate.corners])
    for detection in detector.detect(photograph):
        if box_iou(detection.box, true) >= 0.5:
            return detection.corners, True
    return plate.corners, False


def _rapidocr(photograph: Image, plate: SeenPlate) -> Runner | None:
    """RapidOCR, where it is installed."""
    if any(importlib.util.find_spec(module) is None for module in ("rapidocr", "onnxruntime")):
        return None
    threads = {f"EngineConfig.onnxruntime.{kind}_op_num_threads": 1 for kind in ("intra", "inter")}
    engine = importlib.import_module("rapidocr").RapidOCR(params={"Global.log_level": "error", **threads})

    def run(image: Image) -> dict[str, float]:
        began = time.process_time()
        engine(image)
        return {"in all": 1000 * (time.process_time() - began)}

    texts = engine(photograph).txts or ()
    return Runner("*RapidOCR*", None, run, f"reads {', '.join(texts) or 'nothing'} ({plate.text} stands there)")


if __name__ == "__main__":
    run_script(main)

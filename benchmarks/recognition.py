"""Measures what models read and what they cost, the shipped ones and any `.tflite`, and prints one table.

examples:
  python -m benchmarks.recognition --list test.txt
  python -m benchmarks.recognition graph_int8.tflite --list cn_test/annotation.txt other.txt --plot tradeoff.png

LP-RR has its 95% interval (Wilson); the last six characters are counted where a label begins with a Chinese one. The
time is that of the model alone, a plate a call, on one thread, all models in turn. Models of others stand in
benchmarks/peers.yaml and appear where a list is one that they were measured on, told by its labels.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers import PEERS_FILE, Peer, Peers, load_peers
from lp_recognition.system.errors import UserError, run_script
from lp_recognition.system.options import ScriptParser

if TYPE_CHECKING:
    from benchmarks.tradeoff_chart import Point
    from lp_recognition.images.image import Image
    from lp_recognition.reading.recognizer import Recognizer

_WARM_UP = 3


@dataclass(frozen=True)
class Plates:
    """A list of plates in memory."""

    name: str
    images: list[Image]
    labels: list[str]

    @property
    def has_chinese(self) -> bool:
        """Whether a label begins with a Chinese character."""
        return any(_begins_chinese(label) for label in self.labels)


@dataclass(frozen=True)
class Figures:
    """How a list was read.

    Attributes:
        lp_rr: Share of plates read right.
        interval: Its 95% interval.
        last_six: Share whose last six characters are right, of those whose label begins with a Chinese one; None where
            none does.
    """

    lp_rr: float
    interval: tuple[float, float]
    last_six: float | None


@dataclass
class Result:
    """A model and what was measured of it.

    Attributes:
        name: What it is called in the table.
        weights: `int8`, `uint8` or `float`.
        mmac: Millions of multiply-accumulates a plate.
        file_kb: Its file, in 1,000 bytes.
        arena_kb: TFLite-Micro's arena, in 1,000 bytes; None where it does not run.
        ms: Median of a model call; None where it is not known.
        figures: By the name of the list; None where no plate of it is one that the model is for.
        is_peer: It was measured at another time.
    """

    name: str
    weights: str
    mmac: float
    file_kb: float
    arena_kb: float | None
    ms: float | None
    figures: dict[str, Figures | None]
    is_peer: bool = False

    def row(self, lists: Sequence[Plates]) -> list[object]:
        """Its row of the table."""
        cells: list[object] = [f"*{self.name}*" if self.is_peer else self.name, self.weights]
        cells += [_number(self.mmac, 1), _number(self.file_kb, 0), _number(self.arena_kb, 0), _number(self.ms, 2)]
        for plates in lists:
            figures = self.figures.get(plates.name)
            low, high = (0.0, 0.0) if figures is None else figures.interval
            cells.append("-" if figures is None else f"{figures.lp_rr:.1%} ({low:.1%} to {high:.1%})")
            if plates.has_chinese:
                cells.append("-" if figures is None or figures.last_six is None else f"{figures.last_six:.1%}")
        return cells


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    parser = ScriptParser(__doc__)
    parser.add_argument("models", nargs="*", metavar="MODEL", help=".tflite files beside the models of pretrained/")
    parser.add_argument("--list", nargs="+", required=True, metavar="LIST", help="annotated crops")
    parser.add_argument("--config", default="", help="the config of given files that do not describe themselves")
    parser.add_argument("--timed", type=int, default=200, metavar="N", help="plates that are timed (%(default)s)")
    parser.add_argument("--plot", default="", metavar="FILE", help="draw LP-RR over MMAC, a panel a list, as PNG")
    parser.add_argument("--peers", default=PEERS_FILE, metavar="FILE", help="models of others (benchmarks/peers.yaml)")
    arguments = parser.parse_intermixed_args(argv)
    if arguments.timed < 1:
        raise UserError(f"--timed: expected at least 1, received {arguments.timed}")

    from lp_recognition.system.tables import format_table

    peers = load_peers(arguments.peers)
    opened = _open(arguments.models, arguments.config)
    lists = _read_lists(arguments.list)
    seconds = _times([recognizer for _, _, recognizer in opened], lists[0].images[: arguments.timed])
    results = [
        _measure(name, path, recognizer, lists, median)
        for (name, path, recognizer), median in zip(opened, seconds, strict=True)
    ]
    known = {plates.name: name for plates in lists if (name := peers.list_of(plates.labels)) is not None}
    if known:
        results += [_peer_result(peer, peers, known) for peer in peers.peers]
    header = ["model", "weights", "MMAC", "file KB", "arena KB", "ms"]
    for plates in lists:
        header += [f"LP-RR on {plates.name}", *([f"last six on {plates.name}"] if plates.has_chinese else [])]
    print(format_table(header, [result.row(lists) for result in results]))
    print()
    for plates in lists:
        print(f"{plates.name}: {len(plates.labels)} plates")
    count = min(arguments.timed, len(lists[0].images))
    print("MMAC: million multiply-accumulates a plate; KB: 1,000 bytes")
    print(
        f"ms: the model alone, median of {count} calls of one plate, one thread, models in turn; {opened[0][2].runtime}"
    )
    print(f"arena: {_arena_note()}")
    if known:
        print(peers.provenance(list(known.values())))
    if arguments.plot:
        _plot(arguments.plot, results, lists, peers)
    return 0


def _peer_result(peer: Peer, peers: Peers, known: Mapping[str, str]) -> Result:
    """A peer's row, with its figures of lists under the names that these have in this run."""
    from lp_recognition.evaluation.metrics import wilson_interval

    figures: dict[str, Figures | None] = {}
    for shown, name in known.items():
        if name in peer.figures:
            read, plates = peer.figures[name], peers.lists[name].plates
            last_six = None if read.last_six_right is None else read.last_six_right / plates
            figures[shown] = Figures(read.right / plates, wilson_interval(read.right, plates), last_six)
    return Result(peer.name, peer.weights, peer.mmac, peer.file_kb, None, peer.ms, figures, is_peer=True)


def _open(given: Sequence[str], config: str) -> list[tuple[str, Path, Recognizer]]:
    """The shipped readers and the given ones, each once: name, path and reader."""
    from lp_recognition.model_files.description import task_of
    from lp_recognition.model_files.pretrained import find_model, shipped_models
    from lp_recognition.model_files.recognition import read_description
    from lp_recognition.reading.recognizer import Recognizer

    paths = {name: path for name, path in shipped_models().items() if task_of(path) != "detection"}
    known = {path.resolve() for path in paths.values()}
    for name in given:
        path = find_model(name)
        if path.resolve() not in known:
            known.add(path.resolve())
            paths[path.name if path.name not in paths else str(path)] = path
    if not paths:
        raise UserError("expected a model to measure, received none: pretrained/ holds none; name .tflite files")
    opened = []
    for name, path in paths.items():
        settings = config or None
        if path.is_file() and read_description(path) is not None:
            settings = None
        opened.append((name, path, Recognizer(path, config=settings)))
    return opened


def _read_lists(lists: Sequence[str]) -> list[Plates]:
    from lp_recognition.images.image import read_image
    from lp_recognition.lists.annotations import list_name, read_annotations

    names = [list_name(path) for path in lists]
    read = []
    for path, name in zip(lists, names, strict=True):
        rows, _ = read_annotations(path)
        shown = name if names.count(name) == 1 else str(path)
        read.append(Plates(shown, [read_image(row.path) for row in rows], [row.label for row in rows]))
    return read


def _times(recognizers: Sequence[Recognizer], images: Sequence[Image]) -> list[float]:
    """Median milliseconds of a model call, all models in turn on each plate."""
    import numpy as np

    from lp_recognition.model_files.interpreter import pixel_values

    taken: list[list[float]] = [[] for _ in recognizers]
    pixels = [pixel_values(recognizer.ends[0], recognizer.config.preprocessing) for recognizer in recognizers]
    for number, image in enumerate([*images[:1]] * _WARM_UP + [*images]):
        for recognizer, values, times in zip(recognizers, pixels, taken, strict=True):
            prepared = recognizer.config.preprocessing.prepare(image)
            batch = np.repeat(values[prepared][None], recognizer.ends[0].shape[0], axis=0)
            began = time.perf_counter()
            recognizer.run(batch)
            if number >= _WARM_UP:
                times.append(1000 * (time.perf_counter() - began))
    return [statistics.median(times) for times in taken]


def _measure(name: str, path: Path, recognizer: Recognizer, lists: Sequence[Plates], ms: float) -> Result:
    from lp_recognition.deployment.layers import model_bytes, read_model_file, read_network
    from lp_recognition.deployment.micro import is_installed, run_once

    data = read_model_file(path)
    arena = run_once(model_bytes(data)).arena if is_installed() else None
    dtype = recognizer.ends[0].dtype.name
    return Result(
        name, "float" if dtype == "float32" else dtype, read_network(data, str(path)).macs / 1e6, len(data) / 1000,
        None if arena is None else arena.total / 1000, ms,
        {plates.name: _figures(recognizer, plates) for plates in lists},
    )  # fmt: skip


def _figures(recognizer: Recognizer, plates: Plates) -> Figures | None:
    from lp_recognition.evaluation.metrics import fits_patterns, judge_readings, summarize_judgements

    vocabulary = recognizer.vocabulary
    patterns = recognizer.config.lpr_patterns
    known = (label for label in plates.labels if vocabulary.knows(label))
    if not any(not patterns or fits_patterns(label, vocabulary, patterns) for label in known):
        return None  # plates of another country
    texts = [reading.text for reading in recognizer.read_many(plates.images)]
    judgements = judge_readings(texts, plates.labels, vocabulary)
    metrics = summarize_judgements(plates.labels, judgements)
    chinese = [
        judgement.right_last_six
        for judgement, label in zip(judgements, plates.labels, strict=True)
        if _begins_chinese(label)
    ]
    last_six = sum(chinese) / len(chinese) if chinese else None
    return Figures(metrics.lp_rr, metrics.lp_rr_interval, last_six)


def _begins_chinese(label: str) -> bool:
    from lp_recognition.texts.vocabulary import is_chinese, split_symbols

    return is_chinese(split_symbols(label)[0])


def _arena_note() -> str:
    from lp_recognition.deployment.micro import INSTALL_HINT, is_installed

    if not is_installed():
        return f"not measured: tflite-micro is not installed; {INSTALL_HINT}"
    return "as TFLite-Micro ran the file; - is a file it refuses, as it does all that compute in uint8"


def _number(value: float | None, digits: int) -> object:
    return "-" if value is None else f"{value:,.{digits}f}"


def _plot(target: str, results: Sequence[Result], lists: Sequence[Plates], peers: Peers) -> None:
    """Draws a panel for each list that a model reads, one below the other."""
    import numpy as np

    from benchmarks.tradeoff_chart import draw_tradeoff
    from lp_recognition.images.image import write_image

    panels = []
    for plates in lists:
        points = list(_points(results, plates.name))
        if points:
            title = f"Plates of {plates.name} read without a mistake, and what reading one costs"
            subtitle = f"{len(plates.labels)} plates, bars are 95% intervals"
            shown = {point.name for point in points if point.is_peer}
            notes = [f"{peer.name}: {peer.caveat}" for peer in peers.peers if peer.caveat and peer.name in shown]
            panels.append(draw_tradeoff(points, title, subtitle, notes))
    if not panels:
        names = ", ".join(plates.name for plates in lists)
        raise UserError(f"--plot: expected a model that reads {names}, received none")
    write_image(target, np.vstack(panels))
    print(f"{target} shows them")


def _points(results: Sequence[Result], list_name: str) -> Iterator[Point]:
    from benchmarks.tradeoff_chart import Point

    for result in results:
        figures = result.figures.get(list_name)
        twin = result.name.removesuffix("_uint8")
        is_twin = twin != result.name and any(other.name == twin for other in results)  # the same point twice
        if figures is not None and not is_twin:
            detail = f"{figures.lp_rr:.1%}, {result.file_kb:,.0f} KB {result.weights}"
            yield Point(
                result.name, detail, max(result.mmac, 0.001), figures.lp_rr, figures.interval, result.is_peer
            )  # fmt: skip


if __name__ == "__main__":
    run_script(main)

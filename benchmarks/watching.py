"""Measures what is made of frames: whether each passing plate is one event, and by how much a vote beats single looks.

Of drawn drives (`utils.generate_drives` draws such ones to look at), or of clips whose plates are known: JSON lines
with `file` and `plates`, the texts of the plates that pass.

examples:
  python -m benchmarks.watching --count 60 --seed 1 --workers 2
  python -m benchmarks.watching --clips videos/videos.jsonl
"""

from __future__ import annotations

import argparse
import functools
import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from statistics import mean, median
from typing import TYPE_CHECKING, Any

import numpy as np

from lp_recognition.system.errors import UserError, run_script
from lp_recognition.system.options import ScriptParser

if TYPE_CHECKING:
    from lp_recognition.reading.alpr import Alpr
    from lp_recognition.video.events import Event, Look

#: Of formats that the readers which ship were made for.
_FORMATS = {"cn_blue": 3.0, "cn_green": 1.0, "cz": 1.0, "eu": 2.0, "uz": 1.0, "br_mercosur": 1.0, "cl": 1.0}
_START = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
#: A passage whose single looks are right as often as this is one that a vote has to get right.
_GOOD_SHARE = 0.8
_BOOTSTRAPS = 1000
#: Bounds of confidence that the calibration is told between.
_BOUNDS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.99, 1.0001)

#: Of a frame: when it was taken, and the corners of the plates in it by their passages.
Truth = tuple[float, Mapping[int, Any]]


@dataclass(frozen=True)
class Watched:
    """A passage, and what was told of it.

    Attributes:
        kind: Of the drive.
        text: What the plate reads.
        events: How many events are of it.
        looks: Text and confidence of each look of the longest one.
        answer: Its final text; empty where there was no event.
        confidence: Probability of that.
        preview: The first text that was told.
        preview_s: How long after the plate was to be seen that was.
    """

    kind: str
    text: str
    events: int = 0
    looks: tuple[tuple[str, float], ...] = ()
    answer: str = ""
    confidence: float = 0.0
    preview: str = ""
    preview_s: float = 0.0

    @property
    def share(self) -> float:
        """How many of its single looks are right, in [0, 1]."""
        return sum(text == self.text for text, _ in self.looks) / max(len(self.looks), 1)

    @property
    def surest(self) -> str:
        """What the surest look says."""
        return max(self.looks, key=lambda look: look[1], default=("", 0.0))[0]

    @property
    def most_frequent(self) -> str:
        """What most looks say; of several such texts the one that was read first."""
        return Counter(text for text, _ in self.looks).most_common(1)[0][0] if self.looks else ""


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line."""
    parser = ScriptParser(__doc__)
    parser.add_argument("--count", type=int, default=60, help="how many drives (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="another seed, other drives (%(default)s)")
    parser.add_argument("--clips", type=Path, metavar="FILE", help="clips with known plates, in place of drives")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="read each n-th frame (%(default)s)")
    parser.add_argument("--workers", type=int, default=1, help="processes (%(default)s)")
    arguments = parser.parse_intermixed_args(argv)
    if arguments.clips:
        _measure_clips(arguments)
    else:
        _measure_drives(arguments)


def _measure_drives(arguments: argparse.Namespace) -> None:
    from lp_recognition.system.parallel import run_parallel

    if arguments.count < 1:
        raise UserError(f"--count: expected 1 or more, received {arguments.count}")
    watch = functools.partial(_watch_drive, arguments.seed, arguments.every)
    found = list(run_parallel(watch, range(arguments.count), workers=arguments.workers, description="watching drives"))
    passages = [one for some, _ in found for one in some]
    print(
        f"{len(passages)} passages: {sum(one.events == 1 for one in passages)} are one event, "
        f"{sum(not one.events for one in passages)} none, {sum(one.events > 1 for one in passages)} more than one; "
        f"{sum(others for _, others in found)} events are of no plate\n"
    )
    _print_answers([one for one in passages if one.events])
    _print_kinds(passages)
    _print_calibration([one for one in passages if one.events])


@functools.cache
def _alpr() -> Alpr:
    """What reads, opened once a process."""
    from lp_recognition.reading.alpr import Alpr

    return Alpr()


def _watch_drive(seed: int, every: int, index: int) -> tuple[list[Watched], int]:
    """Watches a drive: its passages, and how many events are of none."""
    from lp_recognition.plates.drives import DriveGenerator
    from lp_recognition.video.frames import Frame
    from lp_recognition.video.passages import Passages

    drive, source = DriveGenerator(_FORMATS, seed).draw(index), f"drive {index}"
    passages = Passages(source)
    truth: list[Truth] = []
    told: list[tuple[float, Event]] = []
    for frame in drive.frames():
        truth.append((frame.seconds, frame.plates))
        if frame.number % every == 0:
            time = _START + timedelta(seconds=frame.seconds)
            seen = Frame(frame.image, time, frame.number, frame.seconds, source)
            told += [(frame.seconds, event) for event in passages.see(seen, _alpr().read(frame.image))]
    told += [(truth[-1][0], event) for event in passages.finish()]
    return judge(drive.kind, [car.text for car in drive.cars], truth, told)


def judge(
    kind: str, texts: Sequence[str], truth: Sequence[Truth], told: Sequence[tuple[float, Event]]
) -> tuple[list[Watched], int]:
    """Holds events against the passages of a drive.

    Args:
        kind: Of the drive.
        texts: What the plates of its passages read.
        truth: Its frames.
        told: The events, and when each was told.

    Returns:
        Each passage with what was told of it, and how many passages were told that are none.
    """
    finals = {event.id: event for _, event in told if event.type == "end"}
    firsts = {event.id: (seconds, event) for seconds, event in reversed(told)}
    of: dict[int | None, list[Event]] = defaultdict(list)
    for event in finals.values():
        of[_passage_of(event.looks, truth)].append(event)
    watched = []
    for number, text in enumerate(texts):
        one = Watched(kind, text, len(of[number]))
        if of[number]:
            final = max(of[number], key=lambda event: event.look_count)
            seconds, first = firsts[final.id]
            began = min((moment for moment, plates in truth if number in plates), default=0.0)
            one = replace(
                one,
                looks=tuple((look.text, look.confidence) for look in final.looks),
                answer=final.text,
                confidence=final.confidence,
                preview=first.text,
                preview_s=seconds - began,
            )
        watched.append(one)
    return watched, len(of[None])


def _passage_of(looks: Sequence[Look], truth: Sequence[Truth]) -> int | None:
    """Which passage most looks are of; None where that is none."""
    votes: Counter[int | None] = Counter()
    for look in looks:
        middle, plates = look.corners.mean(axis=0), truth[look.frame][1]
        near = (n for n, at in plates.items() if np.abs(middle - at.mean(axis=0)).max() < np.ptp(at[:, 0]) / 2)
        votes[next(near, None)] += 1
    return votes.most_common(1)[0][0]


def _print_answers(passages: Sequence[Watched]) -> None:
    """How often each way to come to an answer is right: of all passages, and of those that can be read well."""
    from lp_recognition.system.tables import format_table

    good = [one for one in passages if one.share >= _GOOD_SHARE]
    ways = {
        "a single look": lambda one: one.share,
        "the first that is told": lambda one: one.preview == one.text,
        "the surest look": lambda one: one.surest == one.text,
        "the text of most looks": lambda one: one.most_frequent == one.text,
        "the vote": lambda one: one.answer == one.text,
    }
    rows = [[name, _share_of(map(way, passages)), _share_of(map(way, good))] for name, way in ways.items()]
    print(
        format_table(
            ["right", f"all {len(passages)} passages", f"{len(good)} with 80% of their looks right or more"], rows
        )
    )
    waited = [one.preview_s for one in passages]
    print(f"\nfirst told {median(waited):.1f} s after the plate is to be seen (median; {max(waited):.1f} s at most)\n")


def _print_kinds(passages: Sequence[Watched]) -> None:
    from lp_recognition.system.tables import format_table

    rows = []
    for kind in dict.fromkeys(one.kind for one in passages):
        some = [one for one in passages if one.kind == kind]
        rows.append([
            kind, len(some), sum(one.events == 1 for one in some), f"{mean(one.share for one in some):.1%}",
            sum(one.answer == one.text for one in some),
        ])  # fmt: skip
    print(format_table(["drive", "passages", "one event", "single looks right", "answers right"], rows), end="\n\n")


def _print_calibration(passages: Sequence[Watched]) -> None:
    from lp_recognition.system.tables import format_table
    from lp_recognition.texts.calibration import expected_calibration_error

    rows = []
    for low, high in itertools.pairwise(_BOUNDS):
        some = [one for one in passages if low <= one.confidence < high]
        if some:
            right = mean(one.answer == one.text for one in some)
            told = mean(one.confidence for one in some)
            rows.append([f"{low:g} to {min(high, 1):g}", len(some), f"{told:.3f}", f"{right:.3f}"])
    print(format_table(["confidence", "passages", "mean", "share right"], rows))
    error = expected_calibration_error(
        [one.confidence for one in passages], [one.answer == one.text for one in passages], bins=10
    )
    print(f"\nexpected calibration error of the votes: {error:.1%}")


def _share_of(values: Any) -> str:
    """A mean, and its 95% interval: what it is of passages drawn anew from these (Efron 1979)."""
    found = np.array(list(values), float)
    if not len(found):
        return "-"
    rng = np.random.default_rng(0)
    means = found[rng.integers(0, len(found), (_BOOTSTRAPS, len(found)))].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return f"{found.mean():.1%} ({100 * low:.1f} to {high:.1%})"


def _measure_clips(arguments: argparse.Namespace) -> None:
    from lp_recognition.system.tables import format_table

    clips = [json.loads(line) for line in arguments.clips.read_text(encoding="utf-8").splitlines() if line.strip()]
    rows = []
    for clip in clips:
        told = _watch_clip(arguments.clips.parent / clip["file"], arguments.every)
        looks = [look.text for event in told for look in event.looks]
        texts = [event.text for event in told]
        rows.append([
            clip["file"], len(clip["plates"]), sum(plate in looks for plate in clip["plates"]),
            sum(plate in texts for plate in clip["plates"]), len(texts),
            " ".join(text for text in texts if text not in clip["plates"]),
        ])  # fmt: skip
    header = ["clip", "plates", "read right in a look", "told right", "events", "others"]
    print(format_table(header, rows))


def _watch_clip(path: Path, every: int) -> list[Event]:
    """The final events of a clip."""
    from lp_recognition.video.opening import open_source
    from lp_recognition.video.passages import Passages

    passages, told = Passages(path.name), list["Event"]()
    for frame in open_source(str(path), every=every).frames():
        told += passages.see(frame, _alpr().read(frame.image))
    finals = {event.id: event for event in [*told, *passages.finish()] if event.type == "end"}
    return list(finals.values())


if __name__ == "__main__":
    run_script(main)

"""Measures how many finished plate crops the generator draws in a second, on one core, and prints a table.

The first plates of a format also draw its glyphs; what is measured is a generator that has warmed up, as in training.
Seconds are those of the processor, with one thread, so that other work on the machine counts little. The median of
several runs is shown, with the slowest and the fastest.

example:
  python -m benchmarks.plate_generator --format cn_blue cz
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence

from lp_recognition.system.errors import run_script
from lp_recognition.system.options import ScriptParser


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the script; see the top of the file."""
    parser = ScriptParser(__doc__)
    parser.add_argument("--format", nargs="+", default=["cn_blue", "cn_green", "cz", "eu"], metavar="NAME")
    parser.add_argument("--size", nargs=2, type=int, default=(24, 94), metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--count", type=int, default=3000, help="crops a run (%(default)s)")
    parser.add_argument("--warm_up", type=int, default=5000, help="crops drawn before (%(default)s)")
    parser.add_argument("--runs", type=int, default=5, help="runs a row (%(default)s)")
    arguments = parser.parse_args(argv)

    import cv2

    from lp_recognition.plates import Degradations, PlateGenerator

    cv2.setNumThreads(1)
    cases = [(name, name, Degradations()) for name in arguments.format]
    cases.append((f"{arguments.format[0]}, no degradation", arguments.format[0], Degradations.none()))
    print("| plates | crops/s (median) | slowest run | fastest run | microseconds a crop |")
    print("| --- | --- | --- | --- | --- |")
    for title, name, degradations in cases:
        generator = PlateGenerator([name], 1, tuple(arguments.size), degradations=degradations)
        for index in range(arguments.warm_up):
            generator.draw(index)
        rates = []
        for run in range(arguments.runs):
            first = arguments.warm_up + run * arguments.count
            start = time.process_time()
            for index in range(first, first + arguments.count):
                generator.draw(index)
            rates.append(arguments.count / (time.process_time() - start))
        median = statistics.median(rates)
        print(f"| {title} | {median:.0f} | {min(rates):.0f} | {max(rates):.0f} | {1e6 / median:.0f} |")


if __name__ == "__main__":
    run_script(main)

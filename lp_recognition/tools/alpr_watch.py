"""Reads the plates that pass in videos and before cameras: one trusted answer a passage.

examples:
  python alpr.py watch drive.mp4
  python alpr.py watch drive.mp4 --output annotated.mp4 --events events.jsonl --crops crops/
  python alpr.py watch rtsp://camera/stream --every 3 --database sqlite:///plates.db --known residents.csv
  python alpr.py watch 0 --show                              # the first camera of this machine, in a browser
  python alpr.py watch photos/                               # pictures of a folder, by their names
  python alpr.py watch config/streams.yaml                   # many streams, each with its own settings
  python alpr.py watch drive.mp4 passages.repeat_seconds=300 passages.min_height=12

Needs the extra: pip install 'lp-recognition[video]'. A passage is printed when it ends; --events has all that is told
of it before, too: its start at once, and each change of the answer. Of a file no frame is lost. Of a camera the newest
frame counts; where reading is slower, frames are dropped and counted, and a camera that is gone is tried again.
Standard error shows how far it is, or how each stream gets on.

Ctrl-C ends what is under way: passages end, files are finished. A second one ends at once. Settings are changed as
key=value; docs/alpr.md explains each.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from lp_recognition.model_files.pretrained import DEFAULT_CORNERS, DEFAULT_DETECTOR, DEFAULT_READERS
from lp_recognition.system.errors import UserError, print_error, run_script
from lp_recognition.system.options import ScriptParser, default_workers
from lp_recognition.tools.event_forms import ABOUT, printer
from lp_recognition.tools.printing import add_forms
from lp_recognition.tools.watch_status import shown_status

if TYPE_CHECKING:
    from lp_recognition.settings.streams import StreamConfig, WatchConfig


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    arguments = _parser().parse_args(argv)
    configs, config = _configs(arguments)
    return watch(configs, config, form=arguments.form, page_port=arguments.port if arguments.show else None)


def watch(
    configs: dict[str, StreamConfig], config: WatchConfig, *, form: str = "table", page_port: int | None = None
) -> int:
    """Watches streams until they end, or Ctrl-C; returns the exit status.

    Args:
        configs: The streams, by their names.
        config: What becomes of their events.
        form: How passages are printed, of `event_forms.ABOUT`.
        page_port: The port of a page that shows the streams, 0 for any; None for no page.

    Raises:
        UserError: a source, a model or an output cannot be opened, or something cannot be written.
    """
    from lp_recognition.system.interrupts import graceful
    from lp_recognition.system.serving import LocalServer
    from lp_recognition.video.keeping import Kept
    from lp_recognition.video.live_page import LivePage
    from lp_recognition.video.streams import open_streams, started_workers
    from lp_recognition.video.watching import Watch

    streams = open_streams(configs)
    count = config.workers or default_workers()
    show, page = printer(form, [stream.name for stream in streams]), LivePage(streams)
    with ExitStack() as opened:
        for stream in streams:
            if stream.annotated is not None:
                opened.callback(stream.annotated.abandon)
        kept = opened.enter_context(Kept(config, streams))
        workers = opened.enter_context(started_workers(count, streams))
        if page_port is not None:
            opened.enter_context(LocalServer(page.answer, page_port)).show()
        update = opened.enter_context(shown_status(streams))
        watching = Watch(streams, workers, match=kept.match, keep=kept.keep, show=page.see)
        stopping = "ending passages, finishing files"
        with graceful(watching.stop, stopping=stopping, ended="what was written so far is kept"):
            for told in watching.events():
                if told is not None and told[1].type == "end":
                    update(True)
                    show(told[1])
                    sys.stdout.flush()
                    page.tell(told[1])
                kept.tick()
                update(False)
    errors = [stream.error for stream in streams if stream.error is not None]
    for error in errors:
        print_error(error)
    return 2 if errors else 0


def _parser() -> ScriptParser:
    parser = ScriptParser(__doc__)
    parser.add_argument(
        "source", metavar="SOURCE",
        help="a video, a folder of pictures, an address (rtsp://, http://), a camera's number, or a YAML of streams",
    )  # fmt: skip
    parser.add_argument("overrides", nargs="*", default=[], metavar="key=value", help="settings of all streams")
    add_forms(parser, ABOUT)
    parser.add_argument("--output", default="", metavar="FILE", help="an MP4 with what was read drawn into it")
    parser.add_argument(
        "--events", default="", metavar="FILE", help="add every event to this file, a line of JSON each"
    )
    parser.add_argument("--crops", default="", metavar="FOLDER", help="write a picture of each plate")
    parser.add_argument(
        "--database", default="", metavar="ADDRESS",
        help="keep every event there: sqlite:///FILE, or postgresql://USER:PASSWORD@HOST/NAME",
    )  # fmt: skip
    parser.add_argument(
        "--known", default="", metavar="FILE", help="a list of known plates (CSV); so are the database's"
    )
    parser.add_argument("--keep_days", type=int, metavar="N", help="delete older pictures and looks from the database")
    parser.add_argument("--every", type=int, metavar="N", help="look at each n-th frame (1)")
    parser.add_argument(
        "--tiles", choices=("off", "auto", "on"),
        help="search parts of large frames for small plates, too; auto: where nothing is found in the whole (off)",
    )  # fmt: skip
    parser.add_argument("--detector", metavar="NAME_OR_FILE", help=f"what finds plates ({DEFAULT_DETECTOR})")
    parser.add_argument(
        "--corners", metavar="NAME_OR_FILE",
        help=f"what looks at each plate again, from near; off for nothing ({DEFAULT_CORNERS})",
    )  # fmt: skip
    parser.add_argument(
        "--reader", action="append", metavar="NAME_OR_FILE",
        help=f"what reads plates; may be given several times ({' and '.join(DEFAULT_READERS)})",
    )  # fmt: skip
    parser.add_argument("--show", action="store_true", help="show the streams in a browser at this machine")
    parser.add_argument("--port", type=int, default=0, help="the port of that page (any that is free)")
    parser.add_argument("--metrics_port", type=int, metavar="PORT", help="serve figures for Prometheus at this port")
    parser.add_argument("--workers", type=int, metavar="N", help="processes that find and read (as many as cores)")
    return parser


def _configs(arguments: argparse.Namespace) -> tuple[dict[str, StreamConfig], WatchConfig]:
    """The streams by their names and the rest, by a YAML and by the command line, which has the last word."""
    from pydantic import SecretStr

    from lp_recognition.settings.loading import override
    from lp_recognition.settings.streams import StreamConfig, WatchConfig, load_streams
    from lp_recognition.video.addresses import name_of

    given = {"every": arguments.every, "tiles": arguments.tiles, "detector": arguments.detector}
    given["corners"] = arguments.corners
    given["readers"] = tuple(arguments.reader) if arguments.reader else None
    changes = {name: value for name, value in given.items() if value is not None}
    # Settings of what becomes of all events, and those of streams.
    of_all = [word for word in arguments.overrides if re.split("[.=]", word)[0] in WatchConfig.model_fields]
    of_streams = [word for word in arguments.overrides if word not in of_all]
    if Path(arguments.source).suffix.lower() in (".yaml", ".yml"):
        streams, config = load_streams(arguments.source, of_streams)
    else:
        if not arguments.source:
            raise UserError("expected a video, an address or a camera's number, received an empty word")
        stream = override(StreamConfig(source=SecretStr(arguments.source)), of_streams)
        streams, config = {name_of(arguments.source): stream}, WatchConfig()
    streams = {name: stream.with_values(**changes) for name, stream in streams.items()}
    names = ("events", "crops", "database", "known", "keep_days", "metrics_port", "workers")
    given = {name: getattr(arguments, name) for name in names}
    config = override(config, of_all).with_values(**{name: value for name, value in given.items() if value})
    return _with_outputs(streams, arguments.output), config


def _with_outputs(streams: dict[str, StreamConfig], output: str) -> dict[str, StreamConfig]:
    """Gives each stream the video that is drawn of it.

    Raises:
        UserError: one file for several streams, or for two things.
    """
    from lp_recognition.system.files import is_same_file

    if output and len(streams) == 1:
        file = str(Path(output) / "annotated.mp4") if Path(output).is_dir() else output
        streams = {name: stream.with_values(output=file) for name, stream in streams.items()}
    elif output:
        if Path(output).suffix:
            raise UserError(f"--output: expected a folder for {len(streams)} streams, received {output}")
        streams = {
            name: stream.with_values(output=str(Path(output) / f"{name}.mp4")) for name, stream in streams.items()
        }
    for stream in streams.values():
        if stream.output and is_same_file(stream.output, stream.address):
            raise UserError(f"--output: expected another file than the video itself, received {stream.output}")
        if stream.output and Path(stream.output).suffix.lower() not in (".mp4", ".m4v"):
            raise UserError(f"--output: expected a file that ends in .mp4, received {stream.output}")
    return streams


if __name__ == "__main__":
    run_script(main)

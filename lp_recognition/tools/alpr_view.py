"""Leafs through photographs in a browser, with the plates that are read in them; or looks through a camera.

examples:
  python alpr.py view photos/
  python alpr.py view photo.jpg photos/ --reader lprnet_cn
  python alpr.py view                         # the first camera of this machine

Keys: left and right lead to the photograph before and behind. The page is for this machine alone. Ctrl-C ends it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from lp_recognition.model_files.pretrained import DEFAULT_DETECTOR, DEFAULT_READERS
from lp_recognition.system.errors import UserError, run_script
from lp_recognition.system.options import ScriptParser
from lp_recognition.system.serving import Answer, LocalServer
from lp_recognition.tools.photographs import read_and_searched

if TYPE_CHECKING:
    from lp_recognition.lists.image_lists import GivenImage
    from lp_recognition.reading.alpr import Alpr
    from lp_recognition.reading.detector import Tiles

#: Photographs whose readings are remembered.
_REMEMBERED = 16
_BODY = """<h1 id="name"></h1>
<p><button id="previous">&larr; previous</button> <button id="next">next &rarr;</button> <span id="place"></span></p>
<p id="error" class="bad"></p>
<div class="wide"><table><thead><tr><th>text</th><th>confidence</th><th>reader</th></tr></thead>
<tbody id="plates"></tbody></table></div>
<p><img id="picture" alt="" style="max-width:100%"></p>
<script>
const element = name => document.getElementById(name);
let number = 0, count = COUNT;
async function show() {
  const asked = number;
  element('place').textContent = `${number + 1} of ${count}`;
  const told = await (await fetch(`${number}.json`)).json();
  if (asked !== number) return;
  element('name').textContent = told.image;
  element('error').textContent = told.error || '';
  element('plates').replaceChildren(...told.plates.map(plate => {
    const row = document.createElement('tr');
    for (const value of [plate.text, plate.confidence.toFixed(3), plate.reader]) {
      const cell = document.createElement('td'); cell.textContent = value; row.append(cell);
    }
    return row;
  }));
  element('picture').hidden = Boolean(told.error);
  if (!told.error) element('picture').src = `${number}.jpg`;
}
function go(step) { number = (number + step + count) % count; show(); }
element('previous').onclick = () => go(-1);
element('next').onclick = () => go(1);
addEventListener('keydown', event => {
  if (event.key === 'ArrowLeft') go(-1);
  if (event.key === 'ArrowRight') go(1);
});
show();
</script>"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    parser = ScriptParser(__doc__)
    parser.add_argument("images", nargs="*", metavar="IMAGE", help="photographs, folders, lists; none for a camera")
    parser.add_argument("--camera", type=int, default=0, metavar="NUMBER", help="which camera (%(default)s)")
    parser.add_argument(
        "--detector", default="", metavar="NAME_OR_FILE", help=f"what finds plates ({DEFAULT_DETECTOR})"
    )
    parser.add_argument(
        "--reader", action="append", default=[], metavar="NAME_OR_FILE",
        help=f"what reads plates; may be given several times ({' and '.join(DEFAULT_READERS)})",
    )  # fmt: skip
    parser.add_argument("--tiles", choices=("auto", "on", "off"), default="auto", help="as of `read` (%(default)s)")
    parser.add_argument("--port", type=int, default=0, help="the port of the page (any that is free)")
    arguments = parser.parse_args(argv)
    if not arguments.images:
        return _look_through_camera(arguments)

    from lp_recognition.lists.image_lists import images_of
    from lp_recognition.reading.alpr import Alpr

    pictures = [picture for word in arguments.images for picture in images_of(word)]
    given = [picture for picture in pictures if not isinstance(picture, UserError)]
    problems = [picture for picture in pictures if isinstance(picture, UserError)]
    if problems or not given:
        raise problems[0] if problems else UserError(f"{arguments.images[0]}: expected photographs, received none")
    alpr = Alpr(arguments.detector or DEFAULT_DETECTOR, arguments.reader or DEFAULT_READERS)
    with LocalServer(Photographs(given, alpr, arguments.tiles).answer, arguments.port) as server:
        server.show()
        server.wait()
    return 0


class Photographs:
    """What a `LocalServer` answers: a page, and each photograph with what is read in it.

    Args:
        pictures: The photographs.
        alpr: What reads them, when they are looked at.
        tiles: As of `Alpr.read`.
    """

    def __init__(self, pictures: Sequence[GivenImage], alpr: Alpr, tiles: Tiles = "auto") -> None:
        self._pictures = pictures
        self._alpr = alpr
        self._tiles = tiles
        self._read = lru_cache(maxsize=_REMEMBERED)(self._read_anew)

    def answer(self, path: str) -> Answer | None:
        """What stands at a path of the page."""
        from lp_recognition.system.page import page

        if path == "/":
            body = _BODY.replace("COUNT", str(len(self._pictures)))
            return Answer("text/html; charset=utf-8", page("Photographs", body).encode())
        name, _, kind = path[1:].partition(".")
        if not (name.isascii() and name.isdigit()) or int(name) >= len(self._pictures) or kind not in ("json", "jpg"):
            return None
        told, drawn = self._read(self._pictures[int(name)].path)
        if kind == "json":
            return Answer("application/json", json.dumps(told, ensure_ascii=False).encode())
        return None if drawn is None else Answer("image/jpeg", drawn)

    def _read_anew(self, path: str) -> tuple[dict[str, Any], bytes | None]:
        """What is read in a photograph, and the drawing of it; None where it cannot be opened."""
        import cv2

        from lp_recognition.evaluation.drawing import draw_detections
        from lp_recognition.images.image import read_image

        try:
            image = read_image(path)
        except UserError as error:
            return {"image": path, "plates": [], "error": str(error)}, None
        found = read_and_searched(self._alpr.read(image, tiles=self._tiles))
        drawing = draw_detections(image, found.detections, captions=found.captions)
        return {"image": path, "plates": list(found.plates)}, cv2.imencode(".jpg", drawing)[1].tobytes()


def _look_through_camera(arguments: argparse.Namespace) -> int:
    """Watches a camera, with its page."""
    from pydantic import SecretStr

    from lp_recognition.settings.streams import StreamConfig, WatchConfig
    from lp_recognition.tools.alpr_watch import watch

    camera = StreamConfig(
        source=SecretStr(str(arguments.camera)),
        detector=arguments.detector,
        readers=tuple(arguments.reader),
        tiles=arguments.tiles,
    )
    return watch({f"camera {arguments.camera}": camera}, WatchConfig(), page_port=arguments.port)


if __name__ == "__main__":
    run_script(main)

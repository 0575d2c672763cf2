"""Takes the pictures of the service's page that the documents show: a real service, drawn cars, a real Chromium.

example:
  python -m benchmarks.page_pictures --output docs/images

Cars are drawn (the drives of utils.generate_drives), sent as the pictures of two cameras, watched by `alpr serve`, and
what the page shows of them is kept as JPEG files: page_*.jpg. Needs the extras [service] and [dev], and Chromium.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

from lp_recognition.images.image import Image, write_image
from lp_recognition.system.errors import UserError, run_script
from lp_recognition.system.options import ScriptParser
from lp_recognition.system.serving import Answer, LocalServer
from lp_recognition.tools import generate_drives
from lp_recognition.video.known import KnownPlate
from lp_recognition.video.known_lists import known_list_text
from lp_recognition.video.opening import open_source

_DRIVES, _SEED, _FORMATS = 12, 11, ("de", "cz", "eu", "us", "br_mercosur", "cn_blue")
#: Two cars in one picture, and which of its frames; which drives each camera sees.
_PHOTOGRAPH, _FRAME = 2, 0.3
_CAMERAS = {"gate": (8, 3, 0, 5, 11, 1), "yard": (10, 7, 4, 9, 2, 6)}
#: What is said of some of the plates, by their numbers among the passages.
_NOTES = {
    5: "Ann, third floor",
    8: "may park in front of the gate",
    13: "the baker, delivers until nine",
    14: "staff",
}
_WATCHED_S = 60.0
_QUALITY = 84


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    parser = ScriptParser(__doc__)
    parser.add_argument("--output", default="docs/images", metavar="FOLDER", help="where to write (%(default)s)")
    output = Path(parser.parse_args(argv).output)
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as opened:
        folder = Path(name)
        words = ["--count", str(_DRIVES), "--kind", "crossing", "pass", "--seed", str(_SEED), "--size", "720x1280"]
        generate_drives.main([*words, "--format", *_FORMATS, "--output", str(folder / "drives")])
        drives = [_frames(path) for path in sorted((folder / "drives" / "videos").iterdir())]
        photograph = folder / "two cars.jpg"
        write_image(photograph, drives[_PHOTOGRAPH][round(_FRAME * len(drives[_PHOTOGRAPH]))])
        cameras = {camera: opened.enter_context(_camera(drives, of)) for camera, of in _CAMERAS.items()}
        _write_settings(folder, cameras)
        address = opened.enter_context(_service(folder))
        with _chromium() as browser:
            _take(browser, address, photograph, output)
    return 0


def _frames(path: Path) -> list[Image]:
    return [frame.image for frame in open_source(str(path)).frames()]


@contextlib.contextmanager
def _camera(drives: Sequence[Sequence[Image]], numbers: Sequence[int]) -> Iterator[str]:
    """The address of a camera that sees these drives, over and over."""

    def pieces() -> Iterator[bytes]:
        yield b"--frame\r\n"
        for number in itertools.cycle(numbers):
            for image in drives[number]:
                data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes()
                head = f"Content-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
                yield head.encode() + data + b"\r\n--frame\r\n"
                time.sleep(0.1)

    with LocalServer(lambda path: Answer("multipart/x-mixed-replace; boundary=frame", pieces())) as server:
        yield f"{server.address}video.mjpg"


def _write_settings(folder: Path, cameras: dict[str, str]) -> None:
    passages = [json.loads(line)["text"] for line in (folder / "drives" / "passages.jsonl").read_text().splitlines()]
    known = [KnownPlate(passages[number], note, {"flat": str(number)}) for number, note in _NOTES.items()]
    (folder / "known.csv").write_text(known_list_text([KnownPlate("HH?1*", "the company's cars"), *known]))
    passing = {"repeat_seconds": 10}
    streams = {name: {"source": address, "every": 2, "passages": passing} for name, address in cameras.items()}
    streams["street"] = {"source": "http://127.0.0.1:9/video.mjpg"}
    (folder / "streams.yaml").write_text(yaml.safe_dump({"streams": streams}, sort_keys=False))


@contextlib.contextmanager
def _service(folder: Path) -> Iterator[str]:
    """The address of a service that watches the cameras of a folder."""
    program = Path(__file__).parents[1] / "alpr.py"
    command = [sys.executable, str(program), "serve", "--port", "0", "--streams", "streams.yaml"]
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        line = next((line for line in process.stderr if line.startswith("alpr serves ")), "")
        if not line:
            raise UserError("the service did not start")
        address = line.split()[-1]
        data = (folder / "known.csv").read_bytes()
        request = urllib.request.Request(f"{address}/v1/known.csv", data, {"Content-Type": "text/csv"})
        urllib.request.urlopen(request).close()
        yield address
    finally:
        process.terminate()
        process.communicate()


@contextlib.contextmanager
def _chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        raise UserError("expected Chromium, received none; apt-get install chromium")
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


def _take(browser: Any, address: str, photograph: Path, output: Path) -> None:
    """Takes all pictures; the cameras are watched for a while before there is a history."""
    page = _page(browser, 1180, 720)
    page.goto(f"{address}/#photograph")
    page.set_input_files("#files", str(photograph))
    page.locator(".photograph .symbols").first.wait_for()
    _keep(output / "page_photograph.jpg", _shot(page))
    page.goto(f"{address}/#live")
    time.sleep(_WATCHED_S)
    # Somebody who is known has just come.
    page.locator("#passing .event:first-child:has(.plate.known) .chip.live").wait_for(timeout=120_000)
    time.sleep(1.0)
    _keep(output / "page_live.jpg", _shot(page))
    page.goto(f"{address}/#history?plate=%3F*")
    page.locator("#events .event").first.wait_for()
    _keep(output / "page_history.jpg", _shot(page))
    page.locator("#events .event", has=page.locator(".note")).last.click()
    page.locator("#detail polygon").wait_for()
    page.set_viewport_size({"width": 1180, "height": 900})
    _keep(output / "page_event.jpg", _shot(page))
    page.goto(f"{address}/#known")
    page.get_by_role("button", name="Edit").nth(1).click()
    _keep(output / "page_known.jpg", _shot(page))
    phones = [_phone(browser, address, photograph, part) for part in ("photograph", "live", "history")]
    gap = np.full((len(phones[0]), 16, 3), 255, np.uint8)
    _keep(output / "page_phone.jpg", np.hstack([phones[0], gap, phones[1], gap, phones[2]]))


def _phone(browser: Any, address: str, photograph: Path, part: str) -> Image:
    page = _page(browser, 360, 740, color_scheme="dark", has_touch=True, is_mobile=True)
    page.goto(f"{address}/#{part}")
    if part == "photograph":
        page.set_input_files("#files", str(photograph))
        page.locator(".photograph .symbols").first.wait_for()
        page.locator(".photograph").scroll_into_view_if_needed()
        page.evaluate("scrollTo(0, document.querySelector('.photograph').offsetTop - 64)")
    else:
        page.locator(f"#part-{part} .event").first.wait_for()
        time.sleep(2.0)
    return _shot(page)


def _page(browser: Any, width: int, height: int, **more: Any) -> Any:
    shown = {"viewport": {"width": width, "height": height}, "locale": "en-GB", "timezone_id": "UTC"}
    context = browser.new_context(**shown, **more)
    return context.new_page()


def _shot(page: Any) -> Image:
    time.sleep(0.5)
    return np.asarray(cv2.imdecode(np.frombuffer(page.screenshot(), np.uint8), cv2.IMREAD_COLOR), np.uint8)


def _keep(path: Path, image: Image) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes())
    print(f"{path}: {path.stat().st_size // 1000} KB")


if __name__ == "__main__":
    run_script(main)

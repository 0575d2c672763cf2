"""Measures cropping of CCPD against decoding its images alone, per core: cropping has to reach 80% of that.

Without a source, scenes of CCPD's size (720 x 1160 pixels) are drawn. Both sides run in one process and one thread, in
turns; time is that of the processor, and the best turn counts. Files are kept in memory where the system allows it;
--folder adds what a disk costs. Exit status 1 where one of the single modes misses the share.

example:
  python benchmarks/ccpd_cropping.py --images 600
  python benchmarks/ccpd_cropping.py --source /data/CCPD2019/ccpd_weather --images 1000
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from lp_recognition.images.image import read_image
from lp_recognition.images.photographs import find_images
from lp_recognition.lists.converters.ccpd import CcpdOptions, convert_ccpd
from lp_recognition.lists.converters.ccpd_names import CcpdName, format_name, label_indices
from lp_recognition.system.errors import run_script
from lp_recognition.system.options import ScriptParser

NEEDED = 0.8
SHARED_MEMORY = Path("/dev/shm")
CORNERS = ((430, 560), (168, 532), (170, 448), (432, 476))  # right-bottom, left-bottom, left-up, right-up


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the script; see the top of the file."""
    parser = ScriptParser(__doc__)
    parser.add_argument("--source", type=Path, help="a folder of CCPD's images; its first images are copied")
    parser.add_argument("--images", type=int, default=600, help="how many images (%(default)s)")
    parser.add_argument(
        "--folder",
        type=Path,
        default=SHARED_MEMORY if SHARED_MEMORY.is_dir() else None,
        help="where to put files for the time of the measurement (%(default)s)",
    )
    parser.add_argument("--turns", type=int, default=3, help="turns, of which the best counts (%(default)s)")
    args = parser.parse_args(argv)

    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        root = Path(folder, "CCPD2019")
        (root / "ccpd_base").mkdir(parents=True)
        if args.source:
            for path in find_images(args.source)[: args.images]:
                shutil.copy(path, root / "ccpd_base")
        else:
            _draw(root / "ccpd_base", args.images)
        rates = _measure(root, args.turns)
        size = np.mean([path.stat().st_size for path in find_images(root)]) / 1000

    print(f"{args.images} images of {size:.0f} KB on average, one core\n")
    print("| what | images/s | share of decoding |\n| --- | ---: | ---: |")
    for name, rate in rates.items():
        print(f"| {name} | {rate:.1f} | {rate / rates['decode']:.1%} |")
    return 0 if min(rates["corners"], rates["box"]) >= NEEDED * rates["decode"] else 1


def _measure(root: Path, turns: int) -> dict[str, float]:
    images = find_images(root)
    rates: dict[str, float] = {}
    for turn in range(turns + 1):  # the first only warms up
        for name in ("decode", "corners", "box", "both"):
            start = time.process_time()
            if name == "decode":
                for path in images:
                    read_image(path)
            else:
                size = None if name == "box" else (24, 94)
                convert_ccpd(CcpdOptions(root, root.parent / f"{name}{turn}", mode=name, size=size))
            if turn:
                rates[name] = max(rates.get(name, 0.0), len(images) / (time.process_time() - start))
    return rates


def _draw(folder: Path, count: int) -> None:
    """Scenes of blurred blocks with noise, which compress as photographs do, under CCPD's names."""
    rng = np.random.default_rng(0)
    scenes = []
    for _ in range(8):
        blocks = rng.integers(20, 230, (58, 36, 3), dtype=np.uint8)
        smooth = np.asarray(cv2.resize(blocks, (720, 1160), interpolation=cv2.INTER_CUBIC), np.float32)
        scene = np.clip(smooth + rng.normal(0, 7, smooth.shape), 0, 255).astype(np.uint8)
        cv2.fillConvexPoly(scene, np.array(CORNERS), (160, 70, 20))
        scenes.append(cv2.imencode(".jpg", scene, [cv2.IMWRITE_JPEG_QUALITY, 75])[1])
    for index in range(count):
        box = ((168, 448), (432, 560))
        name = CcpdName("025", (95, 113), box, CORNERS, label_indices(f"皖A{index:05d}"), 37, 15)
        (folder / f"{format_name(name)}.jpg").write_bytes(scenes[index % len(scenes)].tobytes())


if __name__ == "__main__":
    run_script(main)

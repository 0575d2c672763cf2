"""Shows what train.repaint_share does to your crops: pairs of a crop and its repainted form, as a picture.

Look at it before a training: the painted characters should stand where the old ones stood, in the ink of their
neighbours. It also says on how many crops no first character was found; those a training leaves as they are.

example:
  python -m utils.repaint_plates --list train.txt --format cn_blue --output repainted.png
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lp_recognition.system.errors import UserError, run_script
from lp_recognition.system.options import ScriptParser

_COLUMNS = 4


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the script; see the top of the file."""
    parser = ScriptParser(__doc__)
    parser.add_argument("--list", nargs="+", required=True, metavar="LIST", help="annotated crops")
    parser.add_argument("--format", nargs="+", default=["cn_blue"], metavar="NAME", help="plate formats (cn_blue)")
    parser.add_argument(
        "--extra_font",
        nargs="+",
        default=[],
        metavar="FONT",
        help="fonts, or folders of glyphs, beside the built-in one",
    )
    parser.add_argument("--count", type=int, default=80, help="how many crops, chosen by chance (80)")
    parser.add_argument("--seed", type=int, default=1, help="another seed, other crops and characters (1)")
    parser.add_argument("--output", type=Path, required=True, metavar="PICTURE", help="the picture to write")
    arguments = parser.parse_args(argv)
    if arguments.count < 1:
        raise UserError(f"--count: expected 1 or more, received {arguments.count}")
    if arguments.seed < 0:
        raise UserError(f"--seed: expected 0 or more, received {arguments.seed}")

    import cv2
    import numpy as np

    from lp_recognition.images.image import read_image, write_image
    from lp_recognition.lists.annotations import read_annotations
    from lp_recognition.plates import PlateGenerator, Repainter

    generator = PlateGenerator(arguments.format, extra_fonts=arguments.extra_font)  # which checks formats and fonts
    repainter = Repainter(generator.formats, arguments.extra_font)
    rows, _ = read_annotations(arguments.list)
    rng = np.random.default_rng(arguments.seed)
    chosen = [rows[i] for i in rng.permutation(len(rows))[: arguments.count]]

    cells, left_alone = [], 0
    for row in chosen:
        crop = read_image(row.path)
        # As a training keeps crops: twice the size of the network's input at most.
        crop = np.asarray(cv2.resize(crop, (188, 48), interpolation=cv2.INTER_AREA), np.uint8)
        painted, _ = repainter.repaint(crop, row.label, rng)
        left_alone += painted is crop
        cells.append(cv2.copyMakeBorder(np.hstack([crop, painted]), 2, 2, 2, 2, cv2.BORDER_CONSTANT, value=(255,) * 3))
    cells += [np.full_like(cells[0], 255)] * (-len(cells) % _COLUMNS)
    picture = np.vstack([np.hstack(cells[i : i + _COLUMNS]) for i in range(0, len(cells), _COLUMNS)])
    write_image(arguments.output, picture)
    print(f"{arguments.output}: {len(chosen)} crops, each beside its repainted form; {left_alone} left as they are")


if __name__ == "__main__":
    run_script(main)

#!/usr/bin/env bash
# Draws photographs with plates, and sees that a command finds and reads most: .ci/reads_photographs.sh venv/bin/alpr read
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
PYTHONPATH=. .venv/bin/python - "$folder" << 'DRAW'
import sys

import cv2

from lp_recognition.plates import Degradations
from lp_recognition.plates.scenes import SceneGenerator

generator = SceneGenerator(["cn_blue"], 7, (480, 640), plate_widths=(0.2, 0.35), degradations=Degradations.none())
with open(f"{sys.argv[1]}/texts.txt", "w", encoding="utf-8") as texts:
    for number in range(12):
        scene = generator.draw(number)
        cv2.imwrite(f"{sys.argv[1]}/{number}.png", scene.image)
        texts.writelines(f"{number}.png {plate.text}\n" for plate in scene.plates)
DRAW
# From elsewhere: what is installed has to do, not what lies in this folder.
(cd "$folder" && PYTHONPATH="" "$@" ./*.png --csv) > "$folder/read.csv"
head -n 3 "$folder/read.csv"
.venv/bin/python - "$folder" << 'COUNT'
import sys

with open(f"{sys.argv[1]}/texts.txt", encoding="utf-8") as texts, open(f"{sys.argv[1]}/read.csv", encoding="utf-8") as read:
    rows = read.read()
    labels = texts.read().split()[1::2]
right = sum(label in rows for label in labels)
print(f"{right} of {len(labels)} plates of drawn photographs found and read right")
sys.exit(0 if right >= 0.6 * len(labels) else f"error: expected at least 60% of them")
COUNT

#!/usr/bin/env bash
# Proves that the light install reads plates on a board's older stack: tflite-runtime 2.14, NumPy 1.26, OpenCV 4.10.
set -euo pipefail
cd "$(dirname "$0")/.."

# The last wheels of tflite-runtime are for Python 3.11 and older.
python=""
for candidate in .venv/bin/python python3.11 python3.10; do
    if command -v "$candidate" > /dev/null && "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] > (3, 11))'; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "board stack: skipped, it needs Python 3.10 or 3.11"
    exit 0
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    "tflite-runtime==2.14.*" "numpy==1.26.*" "opencv-python-headless==4.10.*" "pydantic>=2.7,<3" "pyyaml>=6,<7" \
    "interegular==0.3.3"
# The model is made with the training stack, and read without it.
.venv/bin/python tests/tiny_tflite.py "$folder/tiny.tflite" "$folder/config.yaml"
PYTHONPATH=. "$folder/venv/bin/python" tests/board_check.py "$folder/tiny.tflite" "$folder/config.yaml"
PYTHONPATH=. "$folder/venv/bin/python" -m utils.read docs/images/readings.png \
    --model "$folder/tiny.tflite" --config "$folder/config.yaml"
# And the command of an installed package, with a model that ships.
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps .
bash .ci/reads_plates.sh "$folder/venv/bin/alpr" read --crops

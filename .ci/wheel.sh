#!/usr/bin/env bash
# Installs the package, without a clone and without the training stack, on every Python it is for, and reads plates.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
.venv/bin/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir "$folder" .

for version in 3.10 3.11 3.12 3.13; do
    python=""
    for candidate in "python$version" "$HOME/.pyenv/versions/$version".*/bin/python; do
        if command -v "$candidate" > /dev/null && "$candidate" -c 'import ensurepip' 2> /dev/null; then
            python=$candidate
            break
        fi
    done
    if [ -z "$python" ]; then
        echo "wheel on Python $version: skipped, it is not here"
        continue
    fi
    echo "wheel on Python $version:"
    "$python" -m venv "$folder/$version"
    "$folder/$version/bin/python" -m pip install --quiet --disable-pip-version-check "$folder"/*.whl
    (cd "$folder" && "$folder/$version/bin/python" - << 'CHECK'
import importlib.util
import sys

there = [name for name in ("keras", "tensorflow", "jax", "grain") if importlib.util.find_spec(name)]
sys.exit(f"error: expected a light install, received {', '.join(there)}" if there else 0)
CHECK
    )
    "$folder/$version/bin/alpr" --version
    bash .ci/reads_plates.sh "$folder/$version/bin/alpr" read --crops
    bash .ci/reads_photographs.sh "$folder/$version/bin/alpr" read
done

#!/usr/bin/env bash
# Draws plates as photographs show them, and sees that a command reads most: .ci/reads_plates.sh venv/bin/alpr read --crops
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
.venv/bin/python -m utils.generate_plates --format cn_blue --count 20 --seed 1 --size natural \
    --output "$folder/plates" > /dev/null
# From elsewhere: what is installed has to do, not what lies in this folder.
(cd "$folder" && PYTHONPATH="" "$@" --lines plates/annotation.txt) > "$folder/read.txt"
head -n 2 "$folder/read.txt"
awk -v least=14 'NR == FNR { label[FNR] = $2; next } { right += $2 == label[FNR] } END {
    printf "%d of %d plates read right\n", right, FNR
    if (right < least) { printf "error: expected at least %d\n", least > "/dev/stderr"; exit 1 }
}' "$folder/plates/annotation.txt" "$folder/read.txt"

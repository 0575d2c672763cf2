import csv
import errno
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lp_recognition.images.image import read_image
from lp_recognition.lists.annotations import read_annotations
from lp_recognition.system.errors import UserError
from lp_recognition.tools import generate_plates

ROOT = Path(__file__).parents[2]


def draw(folder, *words):
    generate_plates.main(["--format", "cn_blue", "cz", "--count", "6", "--output", str(folder), *words])


def test_images_and_list(tmp_path, capsys):
    draw(tmp_path / "new", "--size", "32", "100", "--corners")
    rows, _ = read_annotations(tmp_path / "new" / "annotation.txt")
    assert len(rows) == 6
    assert all(read_image(row.path).shape == (32, 100, 3) for row in rows)
    assert "6 plates of cn_blue, cz" in capsys.readouterr().out
    with (tmp_path / "new" / "corners.csv").open(encoding="utf-8") as file:
        corners = list(csv.DictReader(file))
    assert [row["path"] for row in corners] == [f"images/{i:06d}.png" for i in range(6)]
    assert all(float(row["right_up_x"]) > float(row["left_up_x"]) for row in corners)


def test_workers_draw_the_same(tmp_path):
    draw(tmp_path / "one", "--corners")
    draw(tmp_path / "two", "--workers", "2", "--corners")
    names = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file())
    assert len(names) == 8
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_natural_size(tmp_path):
    draw(tmp_path, "--size", "natural")
    rows, _ = read_annotations(tmp_path / "annotation.txt")
    assert all(150 <= read_image(row.path).shape[1] <= 300 for row in rows)


def test_full_folder_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(UserError, match=r"expected an empty folder; .*--overwrite"):
        draw(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_overwrite_replaces_plates_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    draw(tmp_path, "--overwrite", "--corners")
    generate_plates.main(["--format", "cz", "--count", "2", "--output", str(tmp_path), "--overwrite"])
    assert len(list((tmp_path / "images").iterdir())) == 2
    assert len(read_annotations(tmp_path / "annotation.txt")[0]) == 2
    assert (tmp_path / "thesis.txt").exists() and not (tmp_path / "corners.csv").exists()


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_what_is_listed_is_whole(tmp_path, monkeypatch, error):
    write = Path.write_bytes

    def fail_late(path, data):
        if path.name == "000004.png":
            write(path, data[:20])  # a part arrives on the disk
            raise error
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", fail_late)
    with pytest.raises((UserError, KeyboardInterrupt)) as caught:
        draw(tmp_path)
    if isinstance(error, OSError):
        assert "000004.png: cannot be written: No space left on device" in str(caught.value)
    rows, _ = read_annotations(tmp_path / "annotation.txt")
    assert [row.path.name for row in rows] == [f"{i:06d}.png" for i in range(4)]
    assert all(read_image(row.path).shape == (24, 94, 3) for row in rows)
    assert not (tmp_path / "images" / "000004.png").exists()


def test_disk_full_from_the_start(tmp_path, monkeypatch):
    def fail(path, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(UserError, match="No space left"):
        draw(tmp_path / "new")
    assert not (tmp_path / "new" / "annotation.txt").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--format", "cn_blu"], r"Did you mean `cn_blue`\?"),
        (["--count", "0"], "--count: expected 1 or more"),
        (["--size", "24"], "expected a height and a width"),
        (["--size", "a", "b"], "expected a height and a width"),
        (["--workers", "0"], "expected at least 1"),
        (["--font", "missing.ttf"], "missing.ttf: expected a TrueType font"),
    ],
)
def test_mistakes_write_nothing(tmp_path, words, message):
    with pytest.raises(UserError, match=message):
        generate_plates.main(["--output", str(tmp_path / "new"), *words])
    assert not list(tmp_path.rglob("*.*"))


def test_output_is_needed():
    with pytest.raises(UserError, match="--output"):
        generate_plates.main(["--count", "3"])


def test_output_is_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="expected a folder, received a file"):
        draw(tmp_path / "file")


def test_list_prints_and_paints(tmp_path, capsys):
    generate_plates.main(["--list", str(tmp_path / "sheet.png"), "--format", "cz", "cn_blue"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:2] == ["cz", "1BD4657"] and lines[1].split()[:2] == ["cn_blue", "皖AY339S"]
    assert read_image(tmp_path / "sheet.png").shape[0] > 100


def test_help_is_instant():
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "utils.generate_plates", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "--format cn_blue cz" in done.stdout
    assert time.perf_counter() - start < 2  # 0.1 s here; a busy machine may need more


def test_one_line_and_status_2():
    done = subprocess.run(
        [sys.executable, "-m", "utils.generate_plates", "--format", "xx", "--output", "never"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2 and done.stderr.startswith("error: unknown plate format `xx`")
    assert done.stderr.count("\n") == 1

"""Checking lists: planted leaks, labels and copies are found, sound lists pass, and the page shows it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from lp_recognition.images.near_duplicates import find_near_pairs, perceptual_hash
from lp_recognition.lists.annotation_checks import CheckResult, Rules, check_lists
from lp_recognition.lists.annotations import read_annotations
from lp_recognition.lists.check_page import write_page
from lp_recognition.lists.problems import ERRORS, WARNINGS
from lp_recognition.system.errors import AnnotationError, UserError
from lp_recognition.texts.vocabulary import Vocabulary
from lp_recognition.tools.check_annotations import main

ROOT = Path(__file__).resolve().parents[2]
PATTERN = "[皖沪][A-Z][A-Z0-9]{5}"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real crops, which is not part of the repository."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"needs real plate crops in {folder}")
    return folder


def draw(text: str, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    image = np.full((40, 130, 3), rng.integers(60, 160, 3), np.uint8)
    cv2.putText(image, text, (4, 29), cv2.FONT_HERSHEY_SIMPLEX, 0.85, (240, 240, 240), 2, cv2.LINE_AA)
    shift = np.float32([[1, 0, rng.uniform(-3, 3)], [rng.uniform(-0.05, 0.05), 1, rng.uniform(-3, 3)]])
    image = cv2.warpAffine(image, shift, (130, 40), borderMode=cv2.BORDER_REPLICATE)
    return np.clip(image + rng.normal(0, 4, image.shape), 0, 255).astype(np.uint8)


class Lists:
    """Two sound lists of drawn plates, for a test to spoil."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rows: dict[str, list[tuple[str, str]]] = {"train": [], "val": []}
        rng = np.random.default_rng(3)
        letters = np.array(list("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"))
        for index in range(40):
            text = "B" + "".join(rng.choice(letters, 5, replace=False))
            self.add(
                "train" if index < 30 else "val", f"{index}.jpg", ("皖", "沪")[index % 2] + text, draw(text, index)
            )

    def add(self, part: str, name: str, label: str, image: np.ndarray | None = None) -> None:
        if image is not None:
            cv2.imwrite(str(self.folder / name), image)
        self.rows[part].append((name, label))

    def image(self, part: str, index: int) -> np.ndarray:
        return cv2.imread(str(self.folder / self.rows[part][index][0]))

    def write(self) -> list[Path]:
        for part, rows in self.rows.items():
            (self.folder / f"{part}.txt").write_text("".join(f"{path} {label}\n" for path, label in rows), "utf-8")
        return [self.folder / "train.txt", self.folder / "val.txt"]

    def check(self, rules: Rules | None = None, workers: int = 1) -> CheckResult:
        return check_lists(self.write(), rules or Rules(patterns=(PATTERN,), time_steps=20), workers=workers)


@pytest.fixture
def lists(tmp_path: Path) -> Lists:
    return Lists(tmp_path)


def found(result: CheckResult) -> dict[str, list[str]]:
    return {kind: [problem.message for problem in problems] for kind, problems in result.by_kind().items()}


def test_sound_lists_pass(lists: Lists):
    result = lists.check()
    assert found(result) == {}
    assert [(counts.rows, counts.plates) for counts in result.lists] == [(30, 30), (10, 10)]
    assert result.lists[0].lengths == {7: 30}
    assert list(result.lists[0].first_characters.items()) == [("沪", 15), ("皖", 15)]
    assert result.lists[0].characters["B"] >= 30
    assert result.lists[0].sizes == ((40, 130),) * 30
    assert result.lists[1].aspects == [3.25] * 10


def test_two_processes_find_what_one_finds(lists: Lists):
    lists.add("val", "copy.jpg", lists.rows["train"][0][1], lists.image("train", 0))
    assert found(lists.check(workers=2)) == found(lists.check(workers=1)) != {}


def test_a_planted_leak_is_found(lists: Lists):
    label = lists.rows["train"][4][1]
    lists.add("val", "leak.jpg", label, draw(label[1:], 999))
    result = lists.check()
    assert list(found(result)) == ["plate in two lists"]
    assert result.problems[0].message.startswith(f"{label}: 1 in ")
    assert {row.annotation.path.name for row in result.problems[0].rows} == {"4.jpg", "leak.jpg"}
    assert result.errors == 1


def test_a_leak_under_another_spelling_of_the_province_is_found(lists: Lists):
    label = lists.rows["train"][4][1]
    lists.add("val", "leak.jpg", label.replace("皖", "<Anhui>"), draw(label[1:], 999))
    assert list(found(lists.check(Rules()))) == ["plate in two lists", "one plate, several spellings"]


def test_a_planted_label_of_wrong_length_is_found(lists: Lists):
    name, label = lists.rows["train"][6]
    lists.rows["train"][6] = (name, label + "9")
    messages = found(lists.check())
    assert list(messages) == ["outside pattern"]
    assert f"train.txt:7: expected {PATTERN}, received {label}9" in messages["outside pattern"][0]
    assert list(found(lists.check(Rules(max_length=7)))) == ["too long"]


def test_a_label_outside_the_alphabet_is_found(lists: Lists):
    vocabulary = Vocabulary(tuple("皖沪0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"))
    assert found(lists.check(Rules(vocabulary=vocabulary))) == {}
    lists.rows["val"][0] = (lists.rows["val"][0][0], "京B1234I")
    messages = found(lists.check(Rules(vocabulary=vocabulary)))
    assert list(messages) == ["outside alphabet"]
    assert "received '京' 'I' in '京B1234I'" in messages["outside alphabet"][0]


@pytest.mark.parametrize(
    ("label", "steps", "fits"),
    [("皖B12345", 7, True), ("皖B12345", 6, False), ("皖B11145", 9, True), ("皖B11145", 8, False)],
)
def test_a_label_needs_a_step_a_character_and_one_between_equal_neighbours(lists: Lists, label, steps, fits):
    lists.rows = {"train": [(lists.rows["train"][0][0], label)], "val": [(lists.rows["val"][0][0], "沪B")]}
    assert list(found(lists.check(Rules(time_steps=steps)))) == ([] if fits else ["too few time steps"])


def test_merged_classes_make_equal_neighbours(lists: Lists):
    lists.rows = {"train": [(lists.rows["train"][0][0], "皖BO0123")], "val": [(lists.rows["val"][0][0], "沪B")]}
    alphabet = tuple("皖沪0123456789ABO")
    assert found(lists.check(Rules(Vocabulary(alphabet), time_steps=7))) == {}
    merged = found(lists.check(Rules(Vocabulary(alphabet, use_oi_concat=True), time_steps=7)))
    assert list(merged) == ["too few time steps"]


def test_planted_copies_are_found(lists: Lists):
    label = lists.rows["train"][8][1]
    lists.add("train", "copy.png", label, lists.image("train", 8))  # other bytes, the same pixels
    assert list(found(lists.check())) == ["copy"]
    lists.add("val", "copy.jpg", lists.rows["train"][9][1])
    (lists.folder / "copy.jpg").write_bytes((lists.folder / "9.jpg").read_bytes())
    assert list(found(lists.check())) == ["plate in two lists", "image in two lists", "copy"]


def test_the_same_image_with_two_labels_is_found(lists: Lists):
    lists.add("train", "other.jpg", "皖B00001")
    (lists.folder / "other.jpg").write_bytes((lists.folder / "3.jpg").read_bytes())
    assert list(found(lists.check())) == ["two labels"]
    lists.rows["train"][-1] = ("3.jpg", "皖B00001")  # the very same file
    messages = found(lists.check())["two labels"]
    assert re.search(r"train\.txt:4, .*train\.txt:31: .* / 皖B00001", messages[0])


def test_the_same_image_with_one_label_in_two_spellings_has_no_two_labels(lists: Lists):
    label = lists.rows["train"][4][1]
    lists.rows["train"].append(("4.jpg", label.replace("皖", "<Anhui>").lower()))
    assert list(found(lists.check(Rules()))) == ["one plate, several spellings", "copy"]


def blurred(image: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(image, (3, 3), 0.6)


def shifted(image: np.ndarray) -> np.ndarray:
    return cv2.warpAffine(
        image, np.float32([[1, 0, 0.7], [0, 1, 0.4]]), image.shape[1::-1], borderMode=cv2.BORDER_REPLICATE
    )


def compressed(image: np.ndarray) -> np.ndarray:
    return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 60])[1], cv2.IMREAD_COLOR)


def scaled(image: np.ndarray) -> np.ndarray:
    return cv2.resize(image, (94, 24), interpolation=cv2.INTER_AREA)


def brightened(image: np.ndarray) -> np.ndarray:
    return cv2.convertScaleAbs(image, alpha=1.05, beta=12)


@pytest.mark.parametrize("change", [blurred, shifted, compressed, scaled, brightened])
def test_near_copies_are_found(lists: Lists, change: Callable[[np.ndarray], np.ndarray]):
    image, label = lists.image("train", 5), lists.rows["train"][5][1]
    lists.add("train", "near.png", label, change(image))
    assert list(found(lists.check())) == ["near copy"]
    assert found(lists.check(Rules(near_distance=-1))) == {}
    lists.rows["train"][-1] = ("near.png", "皖B00001")
    result = lists.check()
    assert list(found(result)) == ["other label, look alike"]
    assert (result.errors, result.warnings) == (0, 1)
    lists.rows["val"].append(("near.png", lists.rows["train"].pop()[1].replace("皖B00001", label)))
    assert list(found(lists.check())) == ["plate in two lists", "image in two lists"]


def test_bad_images_are_told_apart(lists: Lists):
    data = (lists.folder / "0.jpg").read_bytes()
    (lists.folder / "0.jpg").write_bytes(data[: len(data) // 2])
    (lists.folder / "1.jpg").write_bytes(b"")
    (lists.folder / "2.jpg").write_bytes(b"no image")
    (lists.folder / "3.jpg").unlink()
    cv2.imwrite(str(lists.folder / "4.jpg"), lists.image("train", 4)[:8, :20])
    cv2.imwrite(str(lists.folder / "5.jpg"), np.full((40, 130, 3), 77, np.uint8))
    cv2.imwrite(str(lists.folder / "6.jpg"), np.full((40, 130, 3), 77, np.uint8))
    messages = found(lists.check())
    kinds = [
        "two labels",
        "missing image",
        "empty image",
        "unreadable image",
        "truncated image",
        "tiny image",
        "blank image",
    ]
    assert list(messages) == kinds
    assert "0.jpg: the file ends after" in messages["truncated image"][0]
    assert "expected 10 x 24 or more, received 8 x 20" in messages["tiny image"][0]
    assert len(messages["blank image"]) == 2


@pytest.mark.parametrize(("size", "is_tiny"), [((10, 24), False), ((9, 24), True), ((10, 23), True)])
def test_an_image_below_the_least_size_is_tiny(lists: Lists, size: tuple[int, int], is_tiny: bool):
    lists.add("train", "small.png", "皖B00001", cv2.resize(lists.image("train", 0), size[::-1]))
    assert list(found(lists.check(Rules(near_distance=-1)))) == (["tiny image"] if is_tiny else [])


def test_rows_without_a_label_are_errors(lists: Lists):
    paths = lists.write()
    with paths[0].open("a") as file:
        file.write("nolabel.jpg\n")
    result = check_lists(paths, Rules())
    assert found(result) == {"broken row": [f"{paths[0]}:31: expected 'path LABEL', received 'nolabel.jpg'"]}


def test_a_missing_list_and_a_wrong_pattern_are_told(tmp_path: Path):
    with pytest.raises(AnnotationError, match="expected a list of images, received no such file"):
        check_lists([tmp_path / "none.txt"], Rules())
    with pytest.raises(UserError, match="pattern: expected a regular expression, received '\\[A-'"):
        Rules(patterns=("[A-",))


@pytest.mark.parametrize(("size", "is_high"), [((50, 89), True), ((50, 90), False), ((90, 50), True)])
def test_an_image_high_enough_for_two_lines_is_found(lists: Lists, size: tuple[int, int], is_high: bool):
    lists.add("train", "high.png", "皖B00001", cv2.resize(lists.image("train", 0), size[::-1]))
    result = lists.check(Rules(near_distance=-1))
    assert list(found(result)) == (["perhaps two lines"] if is_high else [])
    assert result.errors == 0
    if is_high:
        expected = f"expected a width of 1.8 heights or more, received {size[1] / size[0]:.2f} ({size[0]} x {size[1]})"
        assert result.problems[0].message.endswith(f"high.png: {expected}")
        assert found(lists.check(Rules(near_distance=-1, min_aspect=0))) == {}


# Cleaning


def spoil(lists: Lists) -> list[Path]:
    """A leak, a picture in two lists, two labels of one picture, a label outside the pattern, a row without a label.

    And a tiny image, which is no error: its row stays.
    """
    leaked = lists.rows["train"][4][1]
    lists.add("val", "leak.jpg", leaked, draw(leaked[1:], 999))  # train's row 5 goes
    lists.add("val", "near.png", lists.rows["train"][5][1], shifted(lists.image("train", 5)))  # train's row 6
    lists.add("train", "other.jpg", "皖B00001")  # train's rows 4 and 31
    (lists.folder / "other.jpg").write_bytes((lists.folder / "3.jpg").read_bytes())
    lists.add("train", "tiny.png", "皖B00002", draw("B00002", 7)[:9])
    lists.rows["val"][0] = (lists.rows["val"][0][0], "京B12345")  # val's row 1
    (lists.folder / "7.jpg").unlink()  # train's row 8
    paths = lists.write()
    with paths[1].open("a") as file:
        file.write("nolabel.jpg\n")
    return paths


def test_the_rows_without_errors_are_free_of_errors(lists: Lists, tmp_path: Path, capsys):
    paths = spoil(lists)
    arguments = ["--html", str(tmp_path / "p.html"), "--workers", "1", "--pattern", PATTERN]
    assert main([*map(str, paths), *arguments, "--cleaned", str(tmp_path / "clean")]) == 1
    output = capsys.readouterr().out
    assert f"{tmp_path / 'clean/train.txt'}: 27 of 32 rows, without errors\n" in output
    assert f"{tmp_path / 'clean/val.txt'}: 11 of 12 rows, without errors\n" in output
    kept = {path.name: [row.path.name for row in read_annotations(path)[0]] for path in (tmp_path / "clean").iterdir()}
    assert kept["train.txt"] == [*(f"{number}.jpg" for number in range(30) if number not in (3, 4, 5, 7)), "tiny.png"]
    assert kept["val.txt"] == [*(f"{number}.jpg" for number in range(31, 40)), "leak.jpg", "near.png"]
    again = [str(tmp_path / "clean" / path.name) for path in paths]
    assert main([*again, *arguments]) == 0


def test_one_list_is_cleaned_into_a_file(lists: Lists, tmp_path: Path):
    lists.rows["train"][2] = ("2.jpg", "X")
    path, _ = lists.write()
    arguments = [str(path), "--html", str(tmp_path / "p.html"), "--workers", "1", "--pattern", PATTERN, "--cleaned"]
    (tmp_path / "sub").mkdir()
    assert main([*arguments, str(tmp_path / "sub/cleaned.txt")]) == 1
    rows = read_annotations(tmp_path / "sub/cleaned.txt")[0]
    assert len(rows) == 29
    assert all(row.path.is_file() for row in rows)
    before = path.read_bytes()
    with pytest.raises(UserError, match=r"train\.txt: expected no such file, received one with another list; --overw"):
        main([*arguments, str(path)])
    assert path.read_bytes() == before
    assert main([*arguments, str(path), "--overwrite"]) == 1
    assert len(read_annotations(path)[0]) == 29
    with pytest.raises(UserError, match=r"--cleaned: expected rows without errors in .*train\.txt, received none"):
        main([*arguments[:-2], "Z", "--cleaned", str(tmp_path / "none.txt")])
    assert not (tmp_path / "none.txt").exists()


def test_lists_of_one_name_are_not_cleaned_into_one_file(lists: Lists, tmp_path: Path):
    path, _ = lists.write()
    with pytest.raises(
        UserError, match=r"--cleaned: expected lists of different names, received .*train\.txt, .*train"
    ):
        main([str(path), str(path), "--cleaned", str(tmp_path / "clean")])


# Near pairs


@pytest.mark.parametrize("count", [0, 1, 2, 5000])
def test_near_pairs_are_those_that_counting_finds(count: int):
    rng = np.random.default_rng(0)
    hashes = rng.random((count, 256)) < 0.5
    expected = []
    for first, second, flips in [(0, 1, 32), (3, 4500, 0), (10, 4999, 31), (4998, 4999, 33), (4097, 4200, 32)]:
        if second < count and (first, second) not in [(10, 4999)]:
            hashes[second] = hashes[first]
            hashes[second, :flips] ^= True
            if flips <= 32:
                expected.append((first, second, flips))
    assert find_near_pairs(hashes, 32) == sorted(expected)


def test_a_hash_holds_still_where_the_text_does_and_moves_where_it_does_not():
    image = draw("AB12345", 1)
    near = [
        int((perceptual_hash(image) ^ perceptual_hash(change(image))).sum()) for change in (blurred, compressed, scaled)
    ]
    assert max(near) <= 32
    assert int((perceptual_hash(image) ^ perceptual_hash(draw("XK90876", 1))).sum()) > 64


# The page and the script


class Page:
    def __init__(self, path: Path) -> None:
        self.text = path.read_text(encoding="utf-8")

    def pictures(self, text: str | None = None) -> int:
        return (self.text if text is None else text).count('<img src="data:image/jpeg;base64,')

    def section(self, kind: str) -> str:
        start = self.text.index(f'<h2 id="{kind}"')
        return self.text[start : self.text.index("<h2", start + 1)]


def test_the_page_shows_pictures_of_the_worst_and_needs_no_other_file(lists: Lists, tmp_path: Path):
    label = lists.rows["train"][4][1]
    lists.add("val", "leak.jpg", label, draw(label[1:], 999))
    lists.rows["train"][7] = ("7.jpg", "<script>alert(1)</script>")
    page_path = tmp_path / "out" / "page.html"
    assert main([*map(str, lists.write()), "--html", str(page_path), "--pattern", PATTERN, "--workers", "1"]) == 1
    page = Page(page_path)
    leak = page.section("plate-in-two-lists")
    assert page.pictures(leak) == 2
    assert label in leak
    assert "<script>" not in page.text
    assert "&lt;script&gt;" in page.section("outside-pattern")
    assert not re.search(r'(src|href)="(?!data:|#)', page.text)
    assert "Most blurred" in page.text
    assert "2 errors" in page.text


def test_a_page_of_sound_lists_says_so(lists: Lists):
    page = write_page(lists.check())
    assert "Nothing was found" in page
    for chart in ("Height of the image, in pixels", "Width of the image, in heights"):
        assert chart in page
    assert "<span>40-48</span>" in page and "<span>3-3.5</span>" in page


def test_the_script_prints_counts_and_problems(lists: Lists, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    html = str(tmp_path / "page.html")
    arguments = [
        *map(str, lists.write()),
        "--html",
        html,
        "--workers",
        "1",
        "--alphabet",
        "皖沪ABCDEFGHJKLMNPQRSTUVWXYZ0123456789",
    ]
    assert main([*arguments, "--pattern", PATTERN, "--time_steps", "18"]) == 0
    output = capsys.readouterr().out
    assert "30 rows, 30 plates" in output
    assert "by length   7: 30" in output
    assert "height      40 (40 to 40), width 130 (130 to 130), width / height 3.25 (3.25 to 3.25)" in output
    assert output.endswith(f"errors: 0, warnings: 0; pictures in {html}\n")
    assert main([*arguments, "--pattern", "皖.*", "--show", "2"]) == 1
    output = capsys.readouterr().out
    assert "error: outside pattern: 20" in output
    assert "... and 18 more" in output


@pytest.mark.parametrize(
    ("options", "warnings"),
    [
        ([], ["near copy: 1"]),
        (["--near", "-1"], []),
        (["--min_size", "41x24"], ["tiny image: 31", "near copy: 1"]),
        (["--min_size", "10x131"], ["tiny image: 31", "near copy: 1"]),
        (["--min_aspect", "3.3"], ["perhaps two lines: 31", "near copy: 1"]),
    ],
)
def test_what_an_image_has_to_be_is_said_by_options(lists: Lists, tmp_path: Path, capsys, options, warnings):
    lists.add("train", "near.png", lists.rows["train"][5][1], shifted(lists.image("train", 5)))
    path, _ = lists.write()
    assert main([str(path), "--html", str(tmp_path / "p.html"), "--workers", "1", *options]) == 0
    assert re.findall("^warning: (.*)", capsys.readouterr().out, re.MULTILINE) == warnings


def test_sizes_are_told_by_their_median_and_their_ends(lists: Lists, tmp_path: Path, capsys):
    lists.rows["train"] = lists.rows["train"][:3]
    for (name, _), size in zip(lists.rows["train"], [(60, 20), (120, 30), (350, 70)], strict=True):
        cv2.imwrite(str(tmp_path / name), cv2.resize(cv2.imread(str(tmp_path / name)), size))
    path, _ = lists.write()
    assert main([str(path), "--html", str(tmp_path / "p.html"), "--workers", "1", "--near", "-1"]) == 0
    output = capsys.readouterr().out
    assert "height      30 (20 to 70), width 120 (60 to 350), width / height 4 (3 to 5)\n" in output
    page = re.sub("<[^>]*>+", " ", (tmp_path / "p.html").read_text(encoding="utf-8"))
    assert re.search(r"median height\s+median width\s.*train\.txt\s+3\s+3\s+\d+\s+30\s+120\s", page)


def test_the_script_takes_the_rules_of_a_config(lists: Lists, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    config = tmp_path / "config.py"
    config.write_text('alphabet = "皖沪BX"\nlpr_patterns = ["皖.*"]\nmax_lp_length = 6\n', encoding="utf-8")
    arguments = [
        *map(str, lists.write()),
        "--html",
        str(tmp_path / "p.html"),
        "--workers",
        "1",
        "--config",
        str(config),
    ]
    assert main([*arguments, "--time_steps", "6"]) == 1
    output = capsys.readouterr().out
    for kind in ("outside alphabet", "outside pattern", "too few time steps"):
        assert f"error: {kind}: " in output
    # An option goes before the config.
    assert main([*arguments, "--time_steps", "18", "--pattern", PATTERN, "--max_length", "7"]) == 1
    output = capsys.readouterr().out
    assert "outside pattern" not in output
    assert "too long" not in output


def test_the_time_steps_of_a_config_come_without_the_training_stack(lists: Lists, tmp_path: Path):
    lists.rows["train"][2] = ("2.jpg", "皖BAAAAAA")  # 8 characters and 5 equal neighbours; the rest has no two alike
    config = tmp_path / "config.py"
    config.write_text("input_shape = (24, 34, 3)\nstem_pool_strides = (1, 2)\n", encoding="utf-8")  # 12 time steps
    arguments = [
        *map(str, lists.write()),
        "--html",
        str(tmp_path / "p.html"),
        "--workers",
        "1",
        "--config",
        str(config),
    ]
    code = (
        "import sys; from lp_recognition.tools.check_annotations import main; "
        f"print('status', main({arguments!r})); print('brought', *sorted({{'keras', 'tensorflow'}} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert "error: too few time steps: 1\n" in result.stdout, result.stderr
    assert "expected a label of at most 12 time steps" in result.stdout
    assert result.stdout.endswith("status 1\nbrought\n")


def test_every_kind_is_explained():
    assert not set(ERRORS) & set(WARNINGS)
    assert all(ERRORS.values()) and all(WARNINGS.values())


# Real crops


def test_no_plate_of_the_training_crops_stands_in_the_test_crops(real_data: Path, tmp_path: Path):
    lists = [real_data / name / "annotation.txt" for name in ("cn_ccpd", "cn_test")]
    result = check_lists(lists, Rules(patterns=("[^A-Z0-9][A-Z][A-Z0-9]{5,6}",), max_length=8))
    assert [(counts.rows, counts.plates) for counts in result.lists] == [(2826, 2801), (200, 199)]
    assert result.errors == 0, found(result)
    assert set(found(result)) <= {"copy", "near copy", "perhaps two lines"}


def test_what_is_planted_among_real_crops_is_found(real_data: Path, tmp_path: Path):
    lines = (real_data / "cn_ccpd/annotation.txt").read_text(encoding="utf-8").splitlines()[:400]
    rows = [(real_data / "cn_ccpd" / path, label) for path, label in (line.rsplit(" ", 1) for line in lines)]
    train, val = rows[:300], rows[300:]
    val.append((rows[350][0], rows[10][1]))  # the leak; and an image with two labels
    train[20] = (train[20][0], train[20][1] + "8")
    train.append(train[30])
    near = shifted(cv2.imread(str(train[40][0])))
    cv2.imwrite(str(tmp_path / "near.png"), near)
    train.append((tmp_path / "near.png", train[40][1]))
    for name, part in (("train.txt", train), ("val.txt", val)):
        (tmp_path / name).write_text("".join(f"{path} {label}\n" for path, label in part), encoding="utf-8")
    result = check_lists([tmp_path / "train.txt", tmp_path / "val.txt"], Rules(patterns=("..[A-Z0-9]{5}",)))
    messages = found(result)
    assert [message.partition(":")[0] for message in messages["plate in two lists"]] == [rows[10][1]]
    assert [rows[350][1] in message for message in messages["two labels"]] == [True]
    assert len(messages["outside pattern"]) == len(messages["copy"]) == len(messages["near copy"]) == 1
    assert result.errors == 3

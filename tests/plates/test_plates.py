import pickle
import re
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_fonts import build_font

from lp_recognition.plates import Degradations, FontError, FormatError, PlateGenerator, list_formats, load_format
from lp_recognition.plates import glyphs as glyphs_module
from lp_recognition.system.errors import UserError

FORMATS = list_formats()

OWN_FORMAT = """
country: Nowhere
description: a test
size_mm: [400, 100]
box_mm: [40, 70]
paints:
  - {background: "#f0f0f0", ink: "#101010"}
lettering: {stroke_mm: 9}
alphabets:
  L: {characters: ABC}
  D: {characters: "0123456789"}
marks:
  "-": {shape: dash, advance_mm: 30}
lines:
  - {center_mm: [200, 50], gap_mm: 6}
layouts:
  - pattern: LL-DDD
example: AB123
"""


@pytest.fixture(scope="module")
def generator() -> PlateGenerator:
    return PlateGenerator(FORMATS, seed=7)


@pytest.fixture
def write_format(tmp_path):
    def write(text: str) -> Path:
        path = tmp_path / "own.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def fits(plate_generator: PlateGenerator, label: str) -> bool:
    return any(re.fullmatch(pattern, label) for pattern in plate_generator.patterns)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_draws(name):
    generator = PlateGenerator([name], seed=3)
    plate = generator.draw(0)
    assert plate.format == name
    assert plate.image.shape == (24, 94, 3) and plate.image.dtype == np.uint8
    assert plate.corners.shape == (4, 2) and plate.corners.dtype == np.float32
    assert fits(generator, plate.label)
    assert fits(generator, load_format(name).example)


@pytest.mark.parametrize("name", FORMATS)
def test_text_is_on_the_plate(name):
    # Undamaged plates of two texts differ, and mostly in the middle: something is written there.
    generator = PlateGenerator([name], seed=3, size=None, degradations=Degradations.none())
    image = cv2.cvtColor(generator.draw(0).image, cv2.COLOR_BGR2GRAY)
    middle = image[image.shape[0] // 5 : -image.shape[0] // 5, image.shape[1] // 5 : -image.shape[1] // 5]
    assert middle.std() > 25


@settings(max_examples=150, deadline=None)
@given(index=st.integers(min_value=0, max_value=2**63), name=st.sampled_from(FORMATS))
def test_labels_fit_their_format(index, name):
    generator = PlateGenerator([name], seed=1)
    label = generator.draw(index).label
    assert fits(generator, label)
    assert set(label) <= set(generator.characters)


@settings(max_examples=60, deadline=None)
@given(
    index=st.integers(min_value=0, max_value=10**9),
    height=st.integers(min_value=8, max_value=80),
    width=st.integers(min_value=8, max_value=300),
)
def test_any_size(generator, index, height, width):
    sized = PlateGenerator(["cz"], seed=1, size=(height, width))
    assert sized.draw(index).image.shape == (height, width, 3)


def test_same_plate_in_any_order(generator):
    forwards = [generator.draw(index) for index in range(12)]
    fresh = PlateGenerator(FORMATS, seed=7)
    for index in reversed(range(12)):
        again = fresh.draw(index)
        assert again.label == forwards[index].label
        np.testing.assert_array_equal(again.image, forwards[index].image)
        np.testing.assert_array_equal(again.corners, forwards[index].corners)


def test_same_plate_in_other_processes(generator):
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for index, plate in enumerate(pool.map(generator.draw, range(6))):
            np.testing.assert_array_equal(plate.image, generator.draw(index).image)
            assert plate.label == generator.draw(index).label


def test_caches_do_not_travel(generator):
    for index in range(20):
        generator.draw(index)
    assert len(pickle.dumps(generator)) < 200_000


def test_seeds_differ(generator):
    other = PlateGenerator(FORMATS, seed=8)
    labels = [generator.draw(index).label for index in range(8)]
    assert labels != [other.draw(index).label for index in range(8)]
    # The next seed is no shifted copy of this one.
    assert labels[1:] != [other.draw(index).label for index in range(7)]


def test_weights_choose_the_format():
    generator = PlateGenerator({"cn_blue": 9.0, "cz": 1.0}, seed=1)
    names = [generator.draw(index).format for index in range(200)]
    assert 160 <= names.count("cn_blue") <= 195


def test_every_province_is_drawn():
    generator = PlateGenerator(["cn_blue"], seed=1, degradations=Degradations.none())
    counts = {}
    for index in range(3000):
        province = generator.draw(index).label[0]
        counts[province] = counts.get(province, 0) + 1
    assert len(counts) == 31
    assert min(counts.values()) > 3000 / 31 / 2


def test_undamaged_plate_fills_its_crop():
    plate = PlateGenerator(["cn_blue"], size=None, degradations=Degradations.none()).draw(0)
    height, width = plate.image.shape[:2]
    np.testing.assert_allclose(plate.corners, [[0, 0], [width, 0], [width, height], [0, height]], atol=0.01)


def test_corners_are_the_edges_of_the_plate(write_format):
    # A bright plate without text marks on a gray ground: its pixels must lie inside the corners, the rest outside.
    path = write_format(OWN_FORMAT.replace('"#101010"', '"#f0f0f0"').replace("size_mm", "corner_mm: 0\nsize_mm"))
    degradations = Degradations().only("tilt", "shear", "perspective", "framing")
    generator = PlateGenerator([path], size=None, degradations=degradations)
    for index in range(20):
        plate = generator.draw(index)
        bright = plate.image[:, :, 1] > 184
        inside = np.zeros(bright.shape, np.uint8)
        cv2.fillConvexPoly(inside, np.round((plate.corners - 0.5) * 16).astype(np.int32), 1, shift=4)
        edge = cv2.morphologyEx(inside, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
        edge[[0, -1]], edge[:, [0, -1]] = True, True
        assert (bright == (inside > 0))[~edge].all()


def test_corners_shrink_with_the_crop():
    degradations = Degradations().without("rescale", "noise", "jpeg")
    small = PlateGenerator(["cz"], seed=5, size=(24, 94), degradations=degradations)
    large = PlateGenerator(["cz"], seed=5, size=(48, 188), degradations=degradations)
    for index in range(10):
        np.testing.assert_allclose(small.draw(index).corners * 2, large.draw(index).corners, rtol=0.05, atol=1.5)


def test_readable_after_all():
    # The default degradations leave contrast on nearly every plate: a label nobody can read teaches nothing.
    generator = PlateGenerator(["cn_blue", "cz"], seed=2)
    spreads = []
    for index in range(300):
        gray = cv2.cvtColor(generator.draw(index).image, cv2.COLOR_BGR2GRAY)
        spreads.append(np.percentile(gray[6:18, 20:74], 95) - np.percentile(gray[6:18, 20:74], 5))
    assert np.mean(np.array(spreads) > 12) > 0.95


@pytest.mark.parametrize("name", Degradations.names())
def test_each_degradation_acts_and_can_be_switched_off(name):
    base = Degradations.none()
    if name == "holder":  # it is outside the plate's edges, where a crop must show something
        base = Degradations().only("framing")
    none = PlateGenerator(["cn_blue"], seed=1, degradations=base)
    family = getattr(Degradations(), name).model_copy(update={"probability": 1.0})
    degradations = base.model_copy(update={name: family})
    alone = PlateGenerator(["cn_blue"], seed=1, degradations=degradations)
    assert any(not np.array_equal(alone.draw(i).image, none.draw(i).image) for i in range(8))
    off = PlateGenerator(["cn_blue"], seed=1, degradations=degradations.without(name))
    assert all(np.array_equal(off.draw(i).image, none.draw(i).image) for i in range(3))


def test_only_is_the_counterpart_of_without():
    assert Degradations().only() == Degradations.none()
    assert Degradations().only(*Degradations.names()) == Degradations()


def test_good_photographs_are_spared_the_flaws():
    good = Degradations().model_copy(update={"good_share": 1.0})
    spared = good.without("glare", "low_light", "defocus", "motion", "rescale", "noise", "jpeg")
    for index in range(5):
        first = PlateGenerator(["cz"], seed=1, degradations=good).draw(index).image
        np.testing.assert_array_equal(first, PlateGenerator(["cz"], seed=1, degradations=spared).draw(index).image)


def test_degradations_reject_what_they_do_not_know():
    with pytest.raises(UserError, match=r"unknown degradation `jpg`. Did you mean `jpeg`\?"):
        Degradations().without("jpg")
    with pytest.raises(ValueError, match="range"):
        Degradations.model_validate({"jpeg": {"quality": [70, 10]}})
    with pytest.raises(ValueError, match="Extra inputs"):
        Degradations.model_validate({"fog": {"probability": 1}})


def test_unknown_format():
    with pytest.raises(FormatError, match=r"unknown plate format `cn_bleu`. Did you mean `cn_blue`\?"):
        PlateGenerator(["cn_bleu"])
    with pytest.raises(FormatError, match="received none"):
        PlateGenerator([])
    with pytest.raises(FormatError, match=r"nowhere.yaml: .*No such file"):
        load_format("nowhere.yaml")


def test_own_format(write_format):
    generator = PlateGenerator([write_format(OWN_FORMAT)])
    assert generator.characters == list("0123456789ABC")
    plate = generator.draw(0)
    assert plate.format == "own" and re.fullmatch("[ABC]{2}[0-9]{3}", plate.label)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("pattern: LL-DDD", 'pattern: ""', "can draw nothing"),
        ("pattern: LL-DDD", 'pattern: "--"', "can draw nothing"),
        ("characters: ABC", 'characters: ""', "at least 1 character"),
        ("characters: ABC", "characters: ABA", "'A' more than once"),
        ('characters: "0123456789"', "characters: 123", "put it in quotes"),
        ("pattern: LL-DDD", "pattern: LLxDDD", "'x', which names neither an alphabet nor a mark"),
        ("pattern: LL-DDD", "pattern: LL/DDD", "has 2 lines, but `lines` places 1"),
        ("example: AB123", "example: XY123", "'XY123' is no text of this format"),
        ("box_mm: [40, 70]", "box_mm: [80, 70]", "does not fit a plate of 400 mm"),
        ("stroke_mm: 9", "strokes_mm: 9", r"unknown setting `lettering.strokes_mm`. Did you mean `stroke_mm`\?"),
        ("stroke_mm: 9", 'stroke_mm: 9, shapes: {"1": flg}', "'1' has no shape 'flg'; choose one of flag, bar"),
        ('"#101010"', "black", "paints.0.ink"),
        ("country: Nowhere", "", "`country` is missing"),
        ("country: Nowhere", "country: [", "expected YAML"),
        (OWN_FORMAT, "- a list", "expected settings"),
    ],
)
def test_wrong_formats_are_refused(write_format, before, after, message):
    path = write_format(OWN_FORMAT.replace(before, after))
    with pytest.raises(FormatError, match=message) as error:
        load_format(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_a_format_builds_on_another(write_format):
    path = write_format(
        "base: cn_blue\ndescription: a test\npaints: [{background: '#ffffff', ink: '#000000'}]\n"
        "alphabets: {S: {frequencies: {A: 3}}}\nlettering: {shapes: {J: roof}}\n"
    )
    base, own = load_format("cn_blue"), load_format(path)
    assert (own.name, own.country, own.size_mm, own.layouts) == ("own", base.country, base.size_mm, base.layouts)
    assert [paint.ink for paint in own.paints] == ["#000000"]
    assert own.alphabets["S"].characters == base.alphabets["S"].characters
    assert own.alphabets["S"].frequencies == {"A": 3}  # as a whole, not entry by entry
    assert own.lettering.shapes == {**base.lettering.shapes, "J": "roof"}
    assert own.lettering.stroke_mm == base.lettering.stroke_mm
    other = path.with_name("other.yaml")
    other.write_text("base: own.yaml\nexample: 京A12345\n", encoding="utf-8")
    assert load_format(other).paints == own.paints  # named from where the file lies


@pytest.mark.parametrize(
    ("base", "message"),
    [
        ("cn_blu", "unknown plate format `cn_blu`. Did you mean `cn_blue`?"),
        ("missing.yaml", "missing.yaml: expected a plate format, received an error: No such file or directory"),
        ("own.yaml", "own.yaml: `base`: expected another format, received own.yaml, which builds on this one"),
        ("7", "own.yaml: `base`: expected the name or the .yaml of a format, received 7"),
    ],
)
def test_wrong_bases_are_refused(write_format, base, message):
    with pytest.raises(FormatError, match=re.escape(message)):
        load_format(write_format(f"base: {base}\n"))


def test_unreadable_font(tmp_path):
    path = tmp_path / "no.ttf"
    path.write_bytes(b"no font")
    text = Path(__file__)  # long enough for OpenCV to look for tables in it, which would crash
    for wrong in (path, text, tmp_path / "missing.ttf"):
        with pytest.raises(FontError, match=r"expected a TrueType font"):
            PlateGenerator(["cz"], font=wrong)
        with pytest.raises(FontError, match=r"expected a TrueType font"):
            PlateGenerator(["cn_blue"], extra_fonts=[wrong])


def test_font_without_a_glyph(tmp_path):
    path = tmp_path / "digits.ttf"
    path.write_bytes(build_font("0123456789ABC"))
    PlateGenerator([tmp_path_format(tmp_path)], font=path)
    with pytest.raises(FontError, match=r"digits.ttf: the font has no glyph for 'DEFHIJKLMNPRSTUVXYZ'"):
        PlateGenerator(["cz"], font=path)


def tmp_path_format(folder):
    path = folder / "own.yaml"
    path.write_text(OWN_FORMAT, encoding="utf-8")
    return path


def test_own_font_is_used(tmp_path):
    path = tmp_path / "boxes.ttf"
    path.write_bytes(build_font("0123456789ABC"))
    own = tmp_path_format(tmp_path)
    usual = PlateGenerator([own], degradations=Degradations.none()).draw(0)
    boxes = PlateGenerator([own], font=path, degradations=Degradations.none()).draw(0)
    assert usual.label == boxes.label
    assert usual.image.mean() > boxes.image.mean() + 30  # this font's glyphs are black boxes


def test_extra_fonts_share_the_characters_without_strokes(tmp_path):
    path = tmp_path / "boxes.ttf"
    path.write_bytes(build_font("".join(load_format("cn_blue").alphabets["P"].characters)))
    usual = PlateGenerator(["cn_blue"], size=(48, 188))
    extra = PlateGenerator(["cn_blue"], size=(48, 188), extra_fonts=[path])
    pairs = [(usual.draw(i), extra.draw(i)) for i in range(40)]
    assert [a.label for a, _ in pairs] == [b.label for _, b in pairs]
    differ = sum(not np.array_equal(a.image, b.image) for a, b in pairs)
    assert 8 <= differ <= 32  # one of two fonts, on plates whose face is not the plainest
    with pytest.raises(FontError, match=r"boxes.ttf: the font has no glyph for '警'"):
        PlateGenerator(["cn_white"], extra_fonts=[path])
    with pytest.raises(FontError, match=r"boxes.ttf: expected no extra fonts beside own.ttf"):
        PlateGenerator(["cn_blue"], font="own.ttf", extra_fonts=[path])


def test_character_that_no_built_in_font_has(write_format):
    path = write_format(OWN_FORMAT.replace("characters: ABC", "characters: AB\U000130b8"))
    with pytest.raises(FontError, match="the built-in fonts have no glyph for '\U000130b8'"):
        PlateGenerator([path])


@pytest.mark.parametrize("arguments", [{"seed": -1}, {"size": (4, 94)}, {"size": (24, 4000)}])
def test_wrong_arguments(arguments):
    with pytest.raises(FormatError, match="expected"):
        PlateGenerator(["cz"], **arguments)
    with pytest.raises(IndexError, match="0 or more"):
        PlateGenerator(["cz"]).draw(-1)


def test_strokes_stay_in_their_box():
    plate_format = load_format("cn_blue")
    book = glyphs_module.GlyphBook(plate_format.lettering, 10.5 / 90, None)
    for character in "0123456789ABCDEFGHJKLMNPRSTUVWXYZ":
        mask, padding = book.mask(0, character, 24, 48)
        assert mask.shape == (48 + 2 * padding, 24 + 2 * padding)
        assert mask[padding:-padding, padding:-padding].sum() > 0.97 * mask.sum()
        rows = np.flatnonzero(mask.max(axis=1) > 100)
        assert rows[-1] - rows[0] >= 46  # as high as its box


def test_documentation_names_everything():
    text = (Path(__file__).parents[2] / "docs" / "plates.md").read_text(encoding="utf-8")
    assert [name for name in [*FORMATS, *Degradations.names()] if f"`{name}`" not in text] == []


@pytest.mark.parametrize("name", ["cn_blue", "cn_yellow", "cn_yellow_rear"])
def test_chinese_plates_have_at_most_two_letters_among_the_last_five(name):
    generator = PlateGenerator([name])
    letters = [sum(character.isalpha() for character in generator.draw(i).label[2:]) for i in range(300)]
    assert set(letters) == {0, 1, 2}

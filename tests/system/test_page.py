"""The parts of HTML pages: what stands in them, escaped, and no other file."""

from __future__ import annotations

import base64
import re

import cv2
import numpy as np

from lp_recognition.system.page import Html, cards, chart, color_key, figure, page, picture, table


def test_a_page_is_whole_and_needs_no_other_file():
    text = page("<A>", "<p>body</p>")
    assert text.startswith("<!doctype html>")
    assert "<title>&lt;A&gt;</title>" in text
    assert "<p>body</p>" in text
    assert not re.search(r"(src|href)=|@import|url\(", text)


def test_text_is_escaped_in_every_part():
    evil = '<b onclick="x">'
    for part in (
        cards([(evil, evil, evil, "")]), table([evil], [[evil]]), chart({evil: [(0.5, evil)]}), color_key([evil]),
        figure(None, "", evil, evil), picture(np.zeros((4, 4), np.uint8), evil),
    ):  # fmt: skip
        assert evil not in part


def test_cards_have_a_note_and_a_style_where_they_are_given():
    assert cards([("plates", "3", "", "")]) == '<div class="cards"><div>plates<b>3</b></div></div>'
    assert '<div>errors<b class="bad">3</b><small>of 9</small></div>' in cards([("errors", "3", "of 9", "bad")])


def test_numbers_of_a_table_stand_to_the_right():
    text = table(("name", "count", "share"), [("a", 1234, "50.0%"), (Html("<i>b</i>"), 2, "1%")])
    assert '<th>name</th><th class="number">count</th><th class="number">share</th>' in text
    assert '<td>a</td><td class="number">1,234</td><td class="number">50.0%</td>' in text
    assert "<td><i>b</i></td>" in text
    assert "number" not in table(("name",), [("a",), (3,)])
    assert "number" not in table(("name",), [])


def test_bars_are_as_long_as_their_share_and_never_longer_than_the_track():
    text = chart({"A": [(0.5, "half"), (1.0, "all")], "B": [(7.0, "too much"), (-1.0, "none")]})
    assert re.findall(r"width:([\d.]+)%", text) == ["32.5", "65.0", "65.0", "0.0"]
    assert re.findall(r"background:var\(--(bar\d?)\)", text) == ["bar", "bar2", "bar", "bar2"]


def decoded(text: str) -> tuple[str, np.ndarray]:
    kind, data = re.search(r"data:image/(\w+);base64,([\w+/=]+)", text).groups()
    return kind, cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)


def test_small_pictures_stay_as_they_are_and_large_ones_become_smaller():
    small = np.random.default_rng(0).integers(0, 256, (24, 94, 3), np.uint8)
    kind, image = decoded(picture(small))
    assert kind == "png"
    assert np.array_equal(image, small)
    kind, image = decoded(picture(np.zeros((60, 240, 3), np.uint8)))
    assert (kind, image.shape) == ("jpeg", (60, 240, 3))
    assert "no picture" in picture(None)

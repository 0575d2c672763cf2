"""The page in a real browser: what a person does with it, and that nothing of a text is ever run."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from browsing import Watched, at_a_port, browser, expect
from made_up_engine import MadeUpEngine, jpeg, served
from tiny_events import make_event

from lp_recognition.service.app import create_app
from lp_recognition.service.engine.jobs import BusyError
from lp_recognition.service.live import Live
from lp_recognition.service.security.tokens import add_token
from lp_recognition.settings.loading import validate
from lp_recognition.settings.service import ServiceConfig
from lp_recognition.video.database.known_plates import list_known, put_known
from lp_recognition.video.database.store import Store
from lp_recognition.video.events import KnownMatch
from lp_recognition.video.known import KnownPlate

EVIL = '<img src="x" onerror="alert(1)"><script>alert(2)</script>'
FOLDER = Path(__file__).parents[2] / "lp_recognition" / "service" / "page" / "static"


class MadeUpLive:
    """Streams that do what a test says, without any picture."""

    problem = ""

    def __init__(self, *names: str) -> None:
        self.names = names
        self.state = "waiting 8 s: connection refused"

    def start(self) -> None:
        """Has nothing to begin."""

    def stop(self) -> None:
        """Has nothing to end."""

    def picture(self, name: str) -> None:
        """Has none."""

    def delivering(self) -> list[Any]:
        """Delivers nothing."""
        return []

    def states(self) -> list[dict[str, Any]]:
        """All streams are in the same state."""
        figures = {
            "is_live": True, "frames_per_second": 2.5, "captured": 9, "looked": 0, "dropped": {EVIL: 1200},
            "failures": 3, "latency_ms": None, "passages": 1, "error": None,
        }  # fmt: skip
        return [{"name": name, "state": self.state, **figures} for name in self.names]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as opened:
        yield opened


@pytest.fixture
def store(tmp_path) -> Iterator[Store]:
    with Store(f"sqlite:///{tmp_path / 'plates.db'}") as opened:
        yield opened


@pytest.fixture
def engine() -> MadeUpEngine:
    return MadeUpEngine()


@pytest.fixture
def make(store, engine) -> Callable[..., Any]:
    def application(live: Any = None, **settings: Any) -> Any:
        config = validate(ServiceConfig, {"database": "", **settings}, "test")
        return create_app(config, engine=engine, store=store, live=live)

    return application


@pytest.fixture
def look(chromium, make) -> Callable[..., Any]:
    """Opens a part of the page; at the end nothing may have gone wrong in it, and no other host been asked."""

    @contextlib.contextmanager
    def looked(part: str, live: Any = None, width: int = 1200, expected: str = "", **settings: Any) -> Iterator[Any]:
        with at_a_port(make(live, **settings)) as address:
            context = chromium.new_context(viewport={"width": width, "height": 800})
            watched = Watched(context)
            watched.page.goto(f"{address}/#{part}")
            yield watched.page
            assert [one for one in watched.problems if not expected or expected not in one] == []
            assert watched.asked == {address.removeprefix("http://")}
            context.close()

    return looked


def photograph(tmp_path: Path, name: str = "car.jpg") -> str:
    (tmp_path / name).write_bytes(jpeg(300, 400))
    return str(tmp_path / name)


def fits(page: Any) -> bool:
    return page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_a_photograph_is_shown_with_its_plates(look, tmp_path, engine):
    with look("photograph") as page:
        page.set_input_files("#files", [photograph(tmp_path), photograph(tmp_path, "<b>van.jpg")])
        page.locator("#photographs .sides").nth(1).wait_for()
        expect(page.locator(".photograph h2")).to_have_text(["<b>van.jpg", "car.jpg"])  # the latest on top
        first = page.locator(".photograph").first
        expect(first.locator(".plate")).to_have_text("AB-123")
        expect(first.locator(".symbols b")).to_have_text(list("AB-123"))
        expect(first.locator(".others .chip")).to_have_text("A8-123 5%")
        expect(first.locator("polygon")).to_have_attribute("points", "10.4,20 90,22 90.6,44 11,41.5")
        expect(first.locator("svg[viewBox='0 0 400 300']")).to_have_count(1)
        expect(first).to_contain_text("lprnet_mcu_latin")
    assert len(engine.jobs) == 2


def test_what_is_wrong_with_a_photograph_is_told_in_words(look, tmp_path, engine):
    (tmp_path / "text.jpg").write_bytes(b"no picture")
    with look("photograph", expected="status of 400") as page:
        page.set_input_files("#files", str(tmp_path / "text.jpg"))
        expect(page.locator(".photograph [role=alert]")).to_contain_text("xpected")
        engine.plates = ()
        page.set_input_files("#files", photograph(tmp_path))
        page.locator(".photograph .empty").wait_for()


def test_a_busy_service_is_asked_again(look, tmp_path, engine):
    engine.error = BusyError(1)
    with look("photograph", expected="status of 503") as page:
        page.set_input_files("#files", photograph(tmp_path))
        page.get_by_text("The service is busy").wait_for()
        engine.error = None
        page.locator(".photograph .plate").wait_for()


def test_a_photograph_may_be_pasted_from_any_part(look):
    paste = """() => {
        const canvas = document.createElement('canvas');
        canvas.toBlob(blob => {
            const data = new DataTransfer();
            data.items.add(new File([blob], 'pasted.png', { type: 'image/png' }));
            dispatchEvent(new ClipboardEvent('paste', { clipboardData: data }));
        });
    }"""
    with look("known") as page:
        page.evaluate(paste)
        page.locator(".photograph .plate").wait_for()


def test_events_come_live_and_nothing_of_a_text_is_run(look, store):
    live = MadeUpLive(f"gate {EVIL}", "yard")
    with look("live", live) as page:
        page.locator("#connection.good").wait_for()
        known = KnownMatch("AB001", "exact", note=EVIL, record={"flat": EVIL})
        store.record(make_event(1, "start", source=EVIL, text=f"AB{EVIL}", known=known))
        row = page.locator("#passing .event")
        expect(row).to_contain_text(EVIL)
        store.record(make_event(1, source=EVIL, text="AB001", known=known))
        page.get_by_text("AB001").wait_for()
        expect(row).to_have_count(1)  # it has changed, and is no other one
        expect(page.locator("#streams b")).to_have_text([f"gate {EVIL}", "yard"])
        expect(page.locator("#streams .bad.small").first).to_have_text("waiting 8 s: connection refused")
        expect(page.locator("#streams")).to_contain_text("1,200 dropped")
        live.state = "failed"
        page.get_by_text("failed").first.wait_for()
        row.click()
        expect(page.locator("#detail dd", has_text=EVIL)).to_have_count(3)
        expect(page.locator("img[src='x']")).to_have_count(0)


def test_streams_are_shown_where_nothing_is_kept(chromium):
    config = validate(ServiceConfig, {"database": ""}, "test")
    app = create_app(config, engine=MadeUpEngine(), live=cast(Live, MadeUpLive("gate")))
    context = chromium.new_context()
    with at_a_port(app) as address:
        page = Watched(context).page
        page.goto(f"{address}/#live")
        page.locator("#connection.good").wait_for()
        page.locator("#streams b", has_text="gate").wait_for()
        expect(page.locator("#nothing-passed")).to_contain_text("xpected a database")
        context.close()


def test_the_page_comes_back_by_itself(chromium, make, store):
    context = chromium.new_context()
    page = Watched(context).page
    with at_a_port(make()) as address:
        page.goto(f"{address}/#live")
        page.locator("#connection.good").wait_for()
    page.locator("#connection.bad").wait_for()
    store.record(make_event(1))  # while nobody could tell
    with at_a_port(make(), int(address.rpartition(":")[2])):
        page.locator("#connection.good").wait_for()
        page.get_by_text("AB001").wait_for()
        context.close()


def test_the_history_is_searched_and_shows_what_is_behind_an_event(look, store):
    for number in range(60):
        store.record(make_event(number))
    known = KnownMatch("AB 061", "edits", 0.25, "the baker", {"flat": "7"})
    agreeing = make_event(61)
    store.record(replace(agreeing, known=known, looks=(*agreeing.looks, replace(agreeing.best, text="A8061"))))
    with look("history") as page:
        page.get_by_text("61 passages").wait_for()
        expect(page.locator("#events .event")).to_have_count(48)
        page.get_by_text("Earlier passages").click()
        page.locator("#events .event").nth(60).wait_for()
        page.get_by_label("Plate", exact=True).fill("a?-06*")
        page.get_by_role("button", name="Search").click()
        page.get_by_text("1 passage", exact=True).wait_for()
        page.locator("#events .event").click()
        page.locator("#detail polygon.known").wait_for()
        expect(page.locator("#detail tbody tr.agrees")).to_have_count(2)
        expect(page.locator("#detail tbody tr")).to_have_count(3)
        expect(page.locator("#detail .flat")).to_have_js_property("naturalWidth", 60)  # once it has come
        expect(page.locator("#detail dl.known")).to_contain_text("AB 061, but for look-alikes")
        page.keyboard.press("Escape")
        page.get_by_text("1 passage", exact=True).wait_for()  # the search is still there
        expect(page).to_have_url(re.compile(re.escape("plate=a%3F-06*")))


def test_known_plates_are_edited_and_no_note_is_lost(look, store):
    put_known(store, [KnownPlate("AB 12", "the baker", {"flat": "7"}), KnownPlate("CD34", EVIL)])
    with look("known", expected="status of 412") as page:
        expect(page.locator("#plates .note")).to_have_text(["the baker", EVIL])
        page.get_by_role("button", name="Edit AB 12").click()
        page.locator("#plates").get_by_label("Plate").fill("AB 13")
        page.get_by_role("button", name="Save").click()
        page.get_by_text("AB 13 is saved.").wait_for()
        assert list_known(store)[0] == KnownPlate("AB 13", "the baker", {"flat": "7"})

        page.get_by_role("button", name="Edit AB 13").click()
        put_known(store, [KnownPlate("AB 13", "of somebody else", {"flat": "7"})])
        page.get_by_label("Note").fill("mine")
        page.get_by_role("button", name="Save").click()
        page.get_by_text("“of somebody else”").wait_for()
        expect(page.get_by_label("Note")).to_have_value("mine")
        assert list_known(store)[0].note == "of somebody else"
        page.keyboard.press("Escape")

        page.get_by_role("button", name="Remove CD34").click()
        page.get_by_role("button", name="Undo").click()
        page.get_by_text("2 plates").wait_for()
        page.get_by_role("button", name="Remove CD34").wait_for()
        assert list_known(store)[1] == KnownPlate("CD34", EVIL)

        page.get_by_role("button", name="Add a plate").click()
        page.locator("#plates").get_by_label("Plate").fill("ef 56")
        page.get_by_label("flat").fill("9")
        page.get_by_role("button", name="Save").click()
        page.get_by_text("ef 56 is saved.").wait_for()
        assert list_known(store)[2] == KnownPlate("ef 56", "", {"flat": "9"})


def test_a_plate_of_a_photograph_becomes_a_known_one(look, store, tmp_path):
    with look("photograph") as page:
        page.set_input_files("#files", photograph(tmp_path))
        page.get_by_role("link", name="add to known plates").click()
        page.get_by_label("Note").fill("the baker")
        page.get_by_role("button", name="Save").click()
        page.get_by_text("AB-123 is saved.").wait_for()
        page.go_back()
        page.go_forward()
        page.get_by_text("1 plate", exact=True).wait_for()
        expect(page.locator("#plates form")).to_have_count(0)
    assert list_known(store) == [KnownPlate("AB-123", "the baker")]


def test_known_plates_are_imported_and_exported(look, store, tmp_path):
    put_known(store, [KnownPlate("AB 12", "the baker")])
    with look("known", expected="status of 400") as page:
        page.get_by_role("button", name="Import").click()
        for text, told in (("plate,note\nXY1\n", "expected 2 columns"), ("plate\nAB12\nXY1\n", "1 added, 1 updated.")):
            (tmp_path / "list.csv").write_text(text)
            page.locator("#import-file").set_input_files(str(tmp_path / "list.csv"))
            page.locator("#import-do").click()
            page.get_by_text(told).wait_for()
        with page.expect_download() as download:
            page.get_by_role("link", name="Export").click()
        assert download.value.suggested_filename == "known.csv"
        assert Path(download.value.path()).read_text("utf-8-sig") == "plate,note\nAB12,the baker\nXY1,\n"


def test_a_token_is_asked_for_once(look, store, tmp_path):
    token = add_token(tmp_path / "tokens.txt", "phone")
    store.record(make_event(1))
    with look("history", expected="status of 40", token_file=str(tmp_path / "tokens.txt")) as page:
        for given in ("wrong", token):
            page.get_by_label("Token").fill(given)
            page.get_by_role("button", name="Sign in").click()
            page.get_by_text("1 passage" if given == token else "Invalid token.", exact=True).wait_for()
        page.reload()
        page.get_by_text("1 passage", exact=True).wait_for()
        page.get_by_role("button", name="Sign out").click()
        page.get_by_label("Token").wait_for()


@pytest.mark.parametrize("part", ["photograph", "live", "history", "known", "api"])
def test_it_fits_a_phone(look, store, tmp_path, part):
    name = "a stream of a long name-without-any-blank-in-it-at-all"
    known = KnownMatch("AB001", "exact", note="n" * 200)
    store.record(make_event(1, source=name, text="AB001" * 5, confidences=(0.5,) * 25, known=known))
    put_known(store, [KnownPlate("AB 12" * 5, "n" * 200, {"f" * 60: "7" * 60})])
    with look(part, MadeUpLive(name), width=360) as page:
        page.locator(f"#part-{part} :is(.event, li, .drop, details)").first.wait_for()
        if part == "photograph":
            page.set_input_files("#files", photograph(tmp_path, f"{'n' * 80}.jpg"))
            page.locator(".photograph .plate").wait_for()
        assert fits(page)
        if part == "history":
            page.locator(".event").click()
            page.locator("#detail table").wait_for()
            assert page.evaluate("document.querySelector('#detail').scrollWidth <= 360")


def test_the_keyboard_suffices(look, store):
    store.record(make_event(1))
    with look("history") as page:
        page.get_by_text("1 passage", exact=True).wait_for()
        page.locator("#events .event").focus()
        page.keyboard.press("Enter")
        page.locator("#detail .facts").wait_for()
        page.keyboard.press("Escape")
        page.locator("#detail").wait_for(state="hidden")
        expect(page.locator("#events .event")).to_be_focused()  # back where it was


# ---- Without a browser ---------------------------------------------------------------------------------------------


def test_its_files_are_served_and_no_others():
    with served() as client:
        page = client.get("/")
        assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert "script-src 'self'; style-src 'self'" in page.headers["Content-Security-Policy"]
        for path in FOLDER.iterdir():
            answer = client.get(f"/static/{path.name}")
            assert (answer.status_code, answer.content) == (200, path.read_bytes())
            assert (
                client.get(f"/static/{path.name}", headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
            )
        for name in ("..%2frouter.py", "%2e%2e/router.py", "router.py", "", "no.js"):
            assert client.get(f"/static/{name}").status_code == 404


def test_it_asks_for_nothing_from_elsewhere_and_takes_no_text_for_html():
    for path in FOLDER.iterdir():
        text = path.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "//" not in re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE).replace("location.origin}", ""), path
        if path.suffix == ".js":
            for forbidden in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
                assert forbidden not in text, (path, forbidden)
        if path.suffix == ".html":
            assert " style=" not in text
            assert "<script>" not in text

"""The mock's page shows the state of the cloud, and its buttons work, in a real browser."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
import pytest
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright
from toast_compute_mock import FrozenClock, MockCloud, RealClock
from toast_compute_mock.world.seed import SeedWorld, default_seed_world

WEB, BATCH = "125a0000-0000-4000-8000-000000000001", "125a0000-0000-4000-8000-000000000002"
SEED_TOKEN = "00000000-0000-4000-8000-000000000001"
MARKUP = "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>"
EXPECT_MILLISECONDS = 10_000  # generous: a loaded machine draws slowly

Open = Callable[..., "Shown"]


class Shown:
    """The page of a mock that listens on a socket, and a client of the mock's service beside it."""

    def __init__(self, cloud: MockCloud, base_url: str, page: Page) -> None:
        self.cloud = cloud
        self.page = page
        self.client = httpx.Client(
            base_url=f"{base_url}/v1.0/appkeys/demo-appkey", headers={"X-Auth-Token": SEED_TOKEN}, timeout=10
        )
        self.errors: list[str] = []
        self.foreign: list[str] = []
        origin = urlsplit(base_url).netloc
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on(
            "request",
            lambda asked: (
                None if urlsplit(asked.url).netloc in (origin, "") else self.foreign.append(asked.url)  # "": data:
            ),
        )
        page.goto(f"http://{origin}/_mock/")

    def create(self, name: str = "live-01") -> httpx.Response:
        wanted = {
            "name": name,
            "image": "1a9e0000-0000-4000-8000-000000000001",
            "flavor": "f1a00000-0000-4000-8000-000000000001",
            "networks": [{"subnetId": "5b4e0000-0000-4000-8000-000000000001"}],
            "availabilityZone": "kr-pub-a",
            "keyName": "demo-key",
            "securityGroups": [{"name": "default"}],
        }
        return self.client.post("/instances", json={"instance": wanted})

    def code(self, path: str = "/flavors") -> int:
        return int(self.client.get(path).json()["header"]["resultCode"])

    def instance(self, name: str) -> Any:
        return self.page.locator("#instance-list > li").filter(has=self.page.get_by_text(name, exact=True))

    def break_next(self, label: str, target: str | None = None) -> None:
        """Press a button that breaks the next call, and wait until the page says that it will."""
        if target is not None:
            self.page.get_by_role("combobox", name="Break the next call of").select_option(label=target)
        self.page.locator("#breaks").get_by_role("button", name=label).click()
        expect(self.page.get_by_role("status")).to_contain_text(f"The next call of {target or 'any operation'} ")
        self.page.get_by_role("button", name="Dismiss").click()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium")
    if path is None:
        pytest.fail("the page is tested in chromium, which is not installed: `apt-get install chromium`")
    expect.set_options(timeout=EXPECT_MILLISECONDS)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Open the page of a cloud. In the end it must not have complained, nor have asked another origin."""
    opened: list[tuple[Shown, Any, Any]] = []

    def _open(cloud: MockCloud | None = None, **context: Any) -> Shown:
        cloud = MockCloud(clock=FrozenClock()) if cloud is None else cloud
        server = cloud.serve()
        base_url = server.__enter__().base_url
        tab = browser.new_context(viewport={"width": 1280, "height": 900}, **context)
        shown = Shown(cloud, base_url, tab.new_page())
        opened.append((shown, tab, server))
        return shown

    yield _open
    for shown, tab, server in opened:
        tab.close()
        shown.client.close()
        server.__exit__(None, None, None)
    for shown, _, _ in opened:
        assert shown.foreign == []
        assert shown.errors == []


def test_it_shows_the_instances_of_the_world_with_their_status(open_page: Open) -> None:
    shown = open_page()
    expect(shown.page.locator("#link")).to_have_text("Live")
    expect(shown.instance("web-01")).to_contain_text("ACTIVE")
    expect(shown.instance("web-01")).to_contain_text(WEB)
    expect(shown.instance("web-01")).to_contain_text("203.0.113.12")
    expect(shown.instance("batch-01")).to_contain_text("STOP")
    expect(shown.page.locator("#clock-time")).to_have_text("09:00:00")
    expect(shown.page.locator("#clock-date")).to_have_text("Thursday, 15 January 2026, UTC")


def test_what_a_client_does_shows_at_once(open_page: Open) -> None:
    shown = open_page()
    expect(shown.page.get_by_text("No calls yet")).to_be_visible()
    shown.page.evaluate("window.sameDocument = true")
    assert shown.create().json()["header"]["isSuccessful"]
    expect(shown.instance("live-01")).to_contain_text("BUILD")
    newest = shown.page.locator("#journal li").first
    expect(newest).to_contain_text("createInstance")
    newest.locator("summary").click()
    expect(newest).to_contain_text('"name": "live-01"')
    expect(newest).to_contain_text("/appkeys/***/instances")
    shown.client.get("/flavors")
    expect(shown.page.locator("#journal li").first).to_contain_text("listFlavors")
    assert shown.page.evaluate("window.sameDocument") is True


def test_advancing_the_clock_moves_build_to_active(open_page: Open) -> None:
    shown = open_page()
    shown.create()
    row = shown.instance("live-01")
    expect(row).to_contain_text(re.compile(r"ACTIVE in \d+"))
    shown.page.get_by_role("button", name="+1 min").click()
    expect(shown.page.locator("#clock-time")).to_have_text("09:01:00")
    expect(row.locator(".pill")).to_have_text("ACTIVE")
    track = row.get_by_role("img")
    expect(track).to_have_attribute("aria-label", re.compile(r"^So far: BUILD [\d.]+ s, then ACTIVE [\d.]+ s$"))
    shown.page.get_by_role("button", name="+1 h").click()
    expect(shown.page.locator("#clock-time")).to_have_text("10:01:00")


def test_a_clock_that_cannot_be_moved_says_why(open_page: Open) -> None:
    shown = open_page(MockCloud(clock=RealClock()))
    expect(shown.page.get_by_text("A real clock cannot be moved.")).to_be_visible()
    for button in shown.page.locator("[data-advance]").all():
        expect(button).to_be_disabled()


def test_a_refused_call_is_the_next_one_and_no_other(open_page: Open) -> None:
    shown = open_page()
    expect(shown.page.get_by_text("Nothing is set to break.")).to_be_visible()
    shown.break_next("Refuse")
    expect(shown.page.locator("#faults")).to_contain_text("1 left")
    assert [shown.code(), shown.code()] == [-2, 0]
    expect(shown.page.locator("#faults")).to_contain_text("used up")
    expect(shown.page.locator("#journal li").nth(1)).to_contain_text("-2")


def test_a_lost_reply_is_that_of_the_chosen_operation_which_is_carried_out(open_page: Open) -> None:
    shown = open_page()
    shown.break_next("Lose the reply", "createInstance")
    assert shown.code() == 0
    with pytest.raises(httpx.TransportError):
        shown.create("lost-01")
    expect(shown.instance("lost-01")).to_be_visible()


def test_the_other_buttons_break_the_next_call_as_they_say(open_page: Open) -> None:
    shown = open_page()
    shown.break_next("502")
    assert [shown.client.get("/flavors").status_code, shown.code()] == [502, 0]
    shown.break_next("Reset")
    with pytest.raises(httpx.TransportError):
        shown.code()
    shown.break_next("Apply twice", "createInstance")
    shown.create("twin-01")
    expect(shown.instance("twin-01")).to_have_count(2)
    shown.break_next("Slow", "listFlavors")
    shown.page.get_by_role("button", name="+10 min").click()  # the pieces come on the mock's clock, which stands still
    assert [state.fault.effect.kind for state in shown.cloud.faults.list() if state.remaining] == ["slow"]


def test_an_action_can_be_chosen(open_page: Open) -> None:
    shown = open_page()
    shown.break_next("Refuse", "stop")
    assert shown.client.post(f"/instances/{BATCH}/action", json={"action": "start"}).json()["header"]["isSuccessful"]
    reply = shown.client.post(f"/instances/{WEB}/action", json={"action": "stop"}).json()
    assert reply["header"]["resultCode"] == -2


def test_faults_can_be_removed_and_come_in_presets(open_page: Open) -> None:
    shown = open_page()
    shown.break_next("502")
    shown.break_next("Refuse")
    shown.page.locator("#faults li").first.get_by_role("button", name="Remove").click()
    expect(shown.page.locator("#faults li")).to_have_count(1)
    shown.page.get_by_role("combobox", name="Preset").select_option("throttled")
    shown.page.get_by_role("button", name="Add preset").click()
    expect(shown.page.locator("#faults")).to_contain_text("throttled")
    shown.page.get_by_role("button", name="Remove all").click()
    expect(shown.page.get_by_text("Nothing is set to break.")).to_be_visible()
    assert shown.cloud.faults.list() == []


def test_a_habit_of_a_later_release_can_be_switched_on_and_off(open_page: Open) -> None:
    shown = open_page()
    before = shown.client.get("/flavors").text
    box = shown.page.get_by_role("checkbox", name="Extra members")
    box.check()
    expect(shown.page.get_by_role("status")).to_contain_text("Replies evolve")
    assert shown.client.get("/flavors").text != before
    box.uncheck()
    expect(box).not_to_be_checked()
    assert shown.client.get("/flavors").text == before


def test_a_reset_is_confirmed_first_and_works_by_keyboard(open_page: Open) -> None:
    shown = open_page()
    shown.create()
    expect(shown.instance("live-01")).to_be_visible()
    dialog = shown.page.get_by_role("dialog")
    reset = shown.page.get_by_role("button", name="Reset everything")
    reset.first.focus()
    shown.page.keyboard.press("Enter")
    expect(dialog).to_be_visible()
    shown.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(shown.instance("live-01")).to_be_visible()
    shown.page.keyboard.press("Enter")
    shown.page.keyboard.press("Tab")
    shown.page.keyboard.press("Enter")
    expect(shown.instance("live-01")).to_have_count(0)
    expect(shown.page.get_by_text("No calls yet")).to_be_visible()
    assert shown.cloud.journal.find() == []


def test_a_question_asked_again_at_once_is_not_answered_by_the_end_of_the_one_before(open_page: Open) -> None:
    shown = open_page()
    shown.create()
    expect(shown.instance("live-01")).to_be_visible()
    shown.page.evaluate("""async () => {
        const [reset, dialog] = ["reset-all", "confirm"].map((id) => document.getElementById(id));
        reset.click();
        dialog.close();  // what Escape does; the event of it comes later
        reset.click();
        await new Promise((done) => setTimeout(done, 100));
        document.getElementById("confirm-yes").click();
    }""")
    expect(shown.instance("live-01")).to_have_count(0)


def test_one_world_can_be_reset_without_the_others(open_page: Open) -> None:
    shown = open_page()
    shown.cloud.worlds.fork(appkey="other-appkey", username="other@example.com", password="other-password")
    shown.create()
    expect(shown.page.get_by_role("combobox", name="World")).to_contain_text("demo@example.com (3 instances)")
    shown.page.get_by_role("button", name="Reset this world").click()
    shown.page.get_by_role("button", name="Reset the world").click()
    expect(shown.instance("live-01")).to_have_count(0)
    assert len(shown.cloud.worlds.list()) == 2


def test_another_world_can_be_chosen(open_page: Open) -> None:
    shown = open_page()
    other = shown.cloud.worlds.fork(appkey="other-appkey", username="other@example.com", password="other-password")
    shown.create()
    expect(shown.instance("live-01")).to_be_visible()
    expect(shown.page.get_by_role("combobox", name="World").locator("option")).to_have_count(2)
    shown.page.get_by_role("combobox", name="World").select_option(other)
    expect(shown.instance("web-01")).to_be_visible()
    expect(shown.instance("live-01")).to_have_count(0)
    expect(shown.page.locator("#journal li")).to_have_count(1)
    shown.page.get_by_label("This world only").check()
    expect(shown.page.get_by_text("Nothing fits")).to_be_visible()


def test_the_journal_is_filtered_by_what_is_typed(open_page: Open) -> None:
    shown = open_page()
    for path in ("/flavors", "/keypairs", "/nothing"):
        shown.client.get(path)
    expect(shown.page.locator("#journal li")).to_have_count(3)
    shown.page.get_by_label("Filter the journal").fill("keyp")
    expect(shown.page.locator("#journal li")).to_have_count(1)
    shown.client.get("/keypairs")
    shown.client.get("/flavors")
    expect(shown.page.locator("#journal li")).to_have_count(2)


def named(markup: str) -> SeedWorld:
    """A seed world whose first instance has this name; no client could give it one."""
    world = msgspec.to_builtins(default_seed_world())
    world["instances"][0]["name"] = markup
    return msgspec.convert(world, SeedWorld)


def test_markup_in_data_is_shown_as_text(open_page: Open) -> None:
    shown = open_page(MockCloud(clock=FrozenClock(), world=named(MARKUP)))
    fault = {"name": MARKUP, "effect": {"kind": "result-code", "code": -1, "message": MARKUP}}
    base = str(shown.client.base_url).partition("/compute")[0]
    assert httpx.post(f"{base}/_mock/faults", json=fault).status_code == 201
    shown.cloud.worlds.fork(appkey="other-appkey", username=MARKUP, password="other-password")
    expect(shown.instance(MARKUP)).to_be_visible()
    expect(shown.page.locator("#faults")).to_contain_text(MARKUP)
    expect(shown.page.get_by_role("combobox", name="World")).to_contain_text(MARKUP)
    shown.client.get("/flavors")
    shown.client.get(f"/{MARKUP}")
    expect(shown.page.locator("#journal li")).to_have_count(2)
    first = shown.page.locator("#journal li").last
    expect(first).to_contain_text(MARKUP)
    first.locator("summary").click()
    expect(first.locator("pre")).to_contain_text("<script>")
    assert shown.page.evaluate("window.hacked") is None
    assert shown.page.locator("main script, main img").count() == 0


@pytest.mark.parametrize("width", [360, 800, 1600])
def test_nothing_sticks_out_at_any_width(open_page: Open, width: int) -> None:
    shown = open_page(MockCloud(clock=FrozenClock(), world=named("w" * 200)))
    shown.page.set_viewport_size({"width": width, "height": 800})
    shown.create()
    shown.client.get("/" + "n" * 180)
    shown.break_next("Slow")
    expect(shown.page.locator("#instance-list > li")).to_have_count(3)
    assert shown.page.evaluate("document.documentElement.scrollWidth") == width


def test_it_is_light_or_dark_as_the_system_is(open_page: Open) -> None:
    grounds = [
        open_page(color_scheme=scheme).page.evaluate("getComputedStyle(document.body).backgroundColor")
        for scheme in ("light", "dark")
    ]
    light, dark = (sum(map(int, re.findall(r"\d+", ground))) for ground in grounds)
    assert light > 600 > 150 > dark


def test_a_refusal_is_said_on_the_page(open_page: Open) -> None:
    shown = open_page()
    expect(shown.page.locator("#link")).to_have_text("Live")

    def refuse(route: Route) -> None:
        route.fulfill(status=409, content_type="application/json", body=json.dumps({"message": "not today"}))

    shown.page.route("**/clock/advance", refuse)
    shown.page.get_by_role("button", name="+1 min").click()
    expect(shown.page.get_by_role("status")).to_contain_text("Refused: not today")
    shown.errors.clear()  # the browser notes every such reply


def test_it_asks_for_the_admin_token_where_there_is_one(open_page: Open) -> None:
    shown = open_page(MockCloud(clock=FrozenClock(), admin_token="an-admin-token"))
    for given in ("wrong-token", "an-admin-token"):
        shown.page.get_by_label("Admin token").last.fill(given)
        shown.page.get_by_role("button", name="Continue").click()
    expect(shown.instance("web-01")).to_be_visible()
    shown.errors.clear()  # the browser notes every refusal


def test_it_says_when_the_mock_is_gone(browser: Browser) -> None:
    cloud = MockCloud(clock=FrozenClock())
    tab = browser.new_context()
    with cloud.serve() as server:
        page = tab.new_page()
        page.goto(server.base_url.removesuffix("/compute") + "/_mock/")
        expect(page.locator("#link")).to_have_text("Live")
    expect(page.locator("#link")).to_have_text("Not reachable, trying again")
    tab.close()

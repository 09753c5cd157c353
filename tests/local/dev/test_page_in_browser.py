"""The console's page in a browser, over the whole local stack."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scf_mps.local.dev.options import StackOptions
from scf_mps.local.dev.stack import Stack
from tests.support.browser import find_browser, open_page, read_module, start_browser
from tests.support.wait import wait_until

from .projects import create_project, wait_for_task

TABS = ("results", "deliveries", "event", "messages", "cos")
HOSTILE_NAME = "<img src=x onerror=alert(1)>.mp4"
HANDLERS = '''\
"""A callback that fails while a file exists, and a message."""

import os
from pathlib import Path

from scf_mps import App, Event, Transcode, actions

app = App()


@app.on(Transcode, name="film")
def film(transcode: Transcode) -> None:
    print("film", transcode.event.task_id)
    if Path(os.environ["MPS_FAILS"]).exists():
        raise OSError("no route to <b>host</b>")


notify = actions.Notify(os.environ["MPS_NOTIFY"])
app.on_complete(Event, name="notify")(notify.send)
main_handler = app.main_handler
'''


class Console:
    """A running stack with a task, and a browser."""

    def __init__(self, stack: Stack, browser: Any, clip: Path, fails: Path) -> None:
        self.stack = stack
        self.browser = browser
        self.clip = clip
        self.fails = fails
        self.task = stack.submit_video(clip)
        self.results = wait_for_task(stack, self.task)["results"]

    @property
    def address(self) -> str:
        """Of the task, without a tab."""
        return f"{self.stack.url}/#/tasks/{self.task}"

    def open(self, tab: str = "results", **options: Any) -> Any:
        """Open a tab of the task."""
        options = {"viewport": {"width": 1280, "height": 900}, "locale": "en-US", **options}
        return open_page(self.browser, f"{self.address}/{tab}", **options)


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory, clip: Path) -> Iterator[Console]:
    """The stack of a project with one processed video."""
    program = find_browser()
    folder = tmp_path_factory.mktemp("console")
    project = create_project(folder / "project", HANDLERS)
    fails = folder / "fails"
    clip = shutil.copy(clip, folder / HOSTILE_NAME)
    variables = {"MPS_FAILS": str(fails), "MPS_NOTIFY": "wecom://KEY"}
    options = StackOptions(project, variables=variables, port=0, speed=6000, fast=True, watch=False)
    with Stack(options) as stack, start_browser(program) as browser:
        yield Console(stack, browser, clip, fails)


@pytest.mark.parametrize(
    "options",
    [
        {"locale": "en-US", "color_scheme": "light"},
        {"locale": "zh-CN", "color_scheme": "dark", "viewport": {"width": 800, "height": 1000}},
    ],
    ids=["english", "chinese"],
)
def test_tabs_are_shown_without_errors(console: Console, options: dict[str, Any]) -> None:
    content = {
        "results": "article.card.done video",
        "deliveries": ".spans .span.callback .span-bar",
        "event": ".tree-value",
        "messages": ".bubble table",
        "cos": ".objects tbody tr",
    }
    with console.open(**options) as opened:
        page = opened.page
        for tab, selector in content.items():
            page.locator(f"#tab-{tab}").click()
            page.locator(selector).first.wait_for()
        language = "zh-CN" if options["locale"] == "zh-CN" else "en"
        assert page.locator("html").get_attribute("lang") == language
        assert page.locator("h1").inner_text() == HOSTILE_NAME
        assert read_module(page, "texts.js", "[...m.missing]") == []
        assert opened.problems == []


def test_hostile_names_are_shown_as_text(console: Console) -> None:
    with console.open("cos") as opened:
        page = opened.page
        page.goto(f"{console.address}/cos?bucket=media-1250000000&prefix=videos/")
        page.locator(".objects .mono", has_text=HOSTILE_NAME).wait_for()
        for tab in TABS:
            page.goto(f"{console.address}/{tab}")
            page.locator("#panel > *").first.wait_for()
            assert page.locator("img[src=x]").count() == 0
        assert opened.problems == []


def test_every_result_is_played_or_shown(console: Console) -> None:
    with console.open() as opened:
        page = opened.page
        cards = page.locator("article.card.done")
        cards.nth(len(console.results) - 1).wait_for()
        videos = page.locator(".card video")
        assert videos.count() == sum(item["media"] in ("video", "hls") for item in console.results)
        for card in cards.filter(has=page.locator("video")).all():
            card.locator(".start").click()
        for video in videos.all():
            wait_until(lambda video=video: video.evaluate("(item) => item.currentTime") > 0, 20)
        pictures = page.locator(".card .picture img")
        assert pictures.count() == sum("image" in item["media"] for item in console.results)
        for picture in pictures.all():
            wait_until(lambda item=picture: item.evaluate("(item) => item.naturalWidth") > 0)
        assert opened.problems == []


def test_sprites_follow_pointer_and_keyboard(console: Console) -> None:
    with console.open() as opened:
        slider = opened.page.locator(".scrubber input")
        slider.wait_for()
        image = opened.page.locator(".sprite image")
        assert int(image.get_attribute("width")) > 0
        slider.press("End")
        assert slider.input_value() == slider.get_attribute("max")


def test_live_update_keeps_player_and_focus(console: Console) -> None:
    with console.open() as opened:
        page = opened.page
        page.locator(".card .start").first.click()
        video = page.locator(".card video").first
        video.evaluate("(item) => (window.player = item)")
        wait_until(lambda: video.evaluate("(item) => item.currentTime") > 0)
        console.stack.redeliver(console.task)
        page.locator("#tab-deliveries .count", has_not_text="1").wait_for()
        assert video.evaluate("(item) => item === window.player && !item.paused")
        assert video.evaluate("(item) => item === document.activeElement")


def test_keys_select_tabs_tasks_and_help(console: Console) -> None:
    with console.open() as opened:
        page = opened.page
        page.locator("article.card").first.wait_for()
        page.keyboard.press("3")
        page.locator("#tab-event[aria-selected=true]").wait_for()
        page.keyboard.press("?")
        page.locator("#dialog[open] .keys").wait_for()
        page.keyboard.press("Escape")
        page.locator("#dialog[open]").wait_for(state="hidden")
        page.keyboard.press("/")
        page.keyboard.type("no such task")
        page.locator(".rows .hint").wait_for()
        assert page.locator("[data-task]").count() == 0
        page.reload()
        assert page.locator("#search").input_value() == "no such task"


def test_redelivery_skips_completed_callbacks(console: Console) -> None:
    with console.open("deliveries") as opened:
        page = opened.page
        deliveries = page.locator(".delivery")
        deliveries.first.wait_for()
        before = deliveries.count()
        page.keyboard.press("r")
        deliveries.nth(before).wait_for()
        page.locator(".delivery.done").nth(before).wait_for()
        outcomes = deliveries.first.locator("tbody .label").all_inner_texts()
        assert {outcome.split()[0] for outcome in outcomes} == {"skipped"}


def test_event_is_edited_and_sent(console: Console) -> None:
    with console.open("event") as opened:
        page = opened.page
        page.get_by_role("button", name="Edit and send").click()
        editor = page.locator("textarea")
        event = json.loads(editor.input_value())
        editor.fill("{")
        page.locator("#editor-error:not(:empty)").wait_for()
        assert page.get_by_role("button", name="Send", exact=True).is_disabled()
        event["WorkflowTaskEvent"]["TaskId"] = "1250000000-WorkflowTask-edited"
        editor.fill(json.dumps(event))
        page.get_by_role("button", name="Send", exact=True).click()
        page.locator("[data-task='1250000000-WorkflowTask-edited']").wait_for()
        assert opened.problems == []


def test_failure_is_retried_then_dead_letter_is_redelivered(console: Console) -> None:
    console.fails.touch()
    try:
        task = console.stack.submit_video(console.clip)
        with console.open() as opened:
            page = opened.page
            page.goto(f"{console.stack.url}/#/tasks/{task}/deliveries")
            page.locator(".delivery.dead").wait_for()
            assert page.locator(".attempt.failed").count() == 3
            assert page.locator(".why", has_text="no route to <b>host</b>").count() > 0
            page.locator(".row.selected .label.dead").wait_for()
            console.fails.unlink()
            page.locator(".delivery.dead").get_by_role("button", name="Redeliver").click()
            page.locator(".row.selected .label.done").wait_for()
    finally:
        console.fails.unlink(missing_ok=True)


def test_faults_are_set_and_removed(console: Console) -> None:
    with console.open() as opened:
        page = opened.page
        page.locator("article.card").first.wait_for()
        page.keyboard.press("f")
        page.locator(".switch button").first.click()
        page.locator(".rule").wait_for()
        assert [rule["kind"] for rule in console.stack.mps.faults.list_rules()] == ["fail"]
        page.locator(".rule button").click()
        page.locator(".rule").wait_for(state="detached")
        assert console.stack.mps.faults.list_rules() == []
        page.locator(".switch button").first.click()
        page.locator(".rule").wait_for()
        console.stack.submit_video(console.clip)
        page.locator(".rule").wait_for(state="detached")  # the task used it up


def test_queue_is_paused_and_resumed(console: Console) -> None:
    with console.open() as opened:
        page = opened.page
        page.locator("article.card").first.wait_for()
        page.keyboard.press("p")
        page.locator(".banner").wait_for()
        assert console.stack.paused
        console.stack.redeliver(console.task)
        page.locator(".row.selected .label.waiting").wait_for()
        page.keyboard.press("p")
        page.locator(".banner").wait_for(state="detached")
        assert not console.stack.paused


def test_submitted_task_matches_shown_request(console: Console) -> None:
    with console.open() as opened:
        page = opened.page
        page.locator("article.card").first.wait_for()
        page.get_by_role("button", name="Submit", exact=True).click()
        chosen = page.locator(".chip", has=page.locator("input:checked"))
        chosen.nth(1).wait_for()
        while chosen.count() > 1:
            chosen.last.click()
        page.get_by_role("button", name="JSON").click()
        page.locator("#dialog [aria-pressed=true]", has_text="JSON").wait_for()
        shown = json.loads(page.locator("#dialog pre").inner_text())
        page.locator(".dialog-foot button").click()
        page.locator("#dialog[open]").wait_for(state="hidden")
        page.locator(".row.selected .label.done").wait_for()
        task = console.stack.mps.store.list_tasks()[0]
        assert dict(task.request) == shown
        assert len(task.subtasks) == 1


def test_failed_request_is_shown(console: Console) -> None:
    with console.open() as opened:
        page = opened.page
        page.locator("article.card").first.wait_for()
        page.goto(f"{console.stack.url}/#/tasks/unknown/results")
        page.locator("#panel [role=alert]", has_text="unknown").wait_for()


def test_hidden_page_closes_its_stream(console: Console) -> None:
    watch = """
        const Original = EventSource;
        window.streams = [];
        window.EventSource = class extends Original {
            constructor(...all) { super(...all); window.streams.push(this); }
        };
    """
    hide = """(hidden) => {
        Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));
    }"""
    with console.open() as opened:
        page = opened.page
        page.add_init_script(watch)
        page.reload()
        page.locator(".connection.open").wait_for()
        page.evaluate(hide, True)
        assert page.evaluate("streams.map((item) => item.readyState)") == [2]
        task = console.stack.submit_video(console.clip)
        wait_until(lambda: console.stack.is_settled(task), 60)
        page.evaluate(hide, False)
        page.locator(f"[data-task='{task}']").wait_for()
        assert page.evaluate("streams.length") == 2

"""The story of the console in a browser: a new project, a video from a phone, failures, recovery, and a restart."""

from __future__ import annotations

import base64
import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager

from tests.local.engine.sources import Recipe, make_video, rotate
from tests.support.browser import find_browser, open_page, start_browser
from tests.support.wait import wait_until

VIDEOS = ["MP4 360p", "HLS 360p", "Adaptive HLS"]
PICTURES = ["GIF", "WebP", "JPG snapshots", "JPG every 10 %"]
SPRITES = "Sprites 142x80 every 10 s"
"""Names of the results of the default workflow, by what shows them."""

RESULTS = {*VIDEOS, *PICTURES, SPRITES}

MINUTE = 60_000
"""Milliseconds for the results of a task."""

DROP = """([name, data]) => {
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([bytes], name, {type: "video/mp4"}));
    for (const kind of ["dragenter", "dragover", "drop"])
        document.body.dispatchEvent(new DragEvent(kind, {bubbles: true, cancelable: true, dataTransfer}));
}"""

HANDLER = '''\
"""Transcoded videos."""

from scf_mps import Router, Transcode

router = Router()


@router.on(Transcode)
def record_rendition(transcode):
    """Print the size of a rendition."""
    {line}
'''


def create_project(folder):
    """Create a project as a user does."""
    command = [sys.executable, "-m", "scf_mps.cli", "new", "videos"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=120)
    return folder / "videos"


def record_phone_video(path):
    """Write a portrait video as phones do: the pictures lie on their side, and the track has a rotation."""
    recipe = Recipe(frames=75, size=(640, 360), turn="transpose=cclock")
    return rotate(make_video(path, recipe), 90)


@contextmanager
def run_console(project):
    """Run `scf-mps dev` and yield the address of its page. It must end within seconds of a SIGTERM."""
    command = [
        sys.executable,
        "-m",
        "scf_mps.cli",
        "dev",
        "--port",
        "0",
        "--speed",
        "600",
        "--fast",
    ]
    environment = {name: value for name, value in os.environ.items() if name[:4] != "MPS_"}
    process = subprocess.Popen(
        command, cwd=project, env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        found = re.match(r"console +(http://\S+)", line)
        assert found, line
        yield found[1]
    finally:
        process.send_signal(signal.SIGTERM)
        process.stdout.close()
        assert process.wait(timeout=20) == 0


def drop(page, video):
    page.evaluate(DROP, [video.name, base64.b64encode(video.read_bytes()).decode()])


def open_tab(page, name):
    page.get_by_role("tab", name=re.compile(f"^{name}")).click()


def read_titles(page):
    return page.locator("#main .card-title h2").all_inner_texts()


def find_card(page, name):
    return page.locator("#main .card").filter(
        has=page.get_by_role("heading", name=name, exact=True)
    )


def check_results_play(page):
    """Check that every result is shown: videos move, pictures are decoded, sprites follow the slider."""
    for name in VIDEOS:
        card = find_card(page, name)
        card.get_by_role("button", name=re.compile("Play")).click()
        video = card.locator("video").element_handle()
        assert video is not None
        page.wait_for_function("(video) => video.currentTime > 0.2", arg=video)
        assert page.evaluate("(video) => video.videoHeight > video.videoWidth", video), name
    for name in PICTURES:
        picture = find_card(page, name).locator("img").first.element_handle()
        assert picture is not None
        page.wait_for_function("(image) => image.complete && image.naturalWidth > 0", arg=picture)
        assert page.evaluate("(image) => image.naturalHeight > image.naturalWidth", picture), name
    sprites = find_card(page, SPRITES)
    sprites.get_by_role("slider").wait_for()
    assert sprites.get_by_role("img", name=re.compile("Picture at")).count() == 1


def list_calls(delivery):
    """Return the outcomes of each callback of a delivery, by attempt."""
    rows = delivery.locator("table.matrix tbody tr").filter(
        has=delivery.page.get_by_role("rowheader")
    )
    return [
        [text.split()[0] for text in row.locator("td .label").all_inner_texts()]
        for row in rows.all()
    ]


def save_handler(page, project, line):
    """Save the body of a callback, and wait until the console loaded the new code."""
    loaded = read_load_time(page)
    (project / "handlers" / "renditions.py").write_text(HANDLER.format(line=line))
    wait_until(lambda: read_load_time(page) != loaded, 20)


def read_load_time(page):
    state = "fetch('/api/state').then((response) => response.json())"
    return page.evaluate(f"{state}.then((state) => state.function.loaded_at)")


def test_console_shows_the_life_of_a_video(tmp_path):
    program = find_browser()
    project = create_project(tmp_path)
    video = record_phone_video(tmp_path / "手机 IMG_0042.mp4")
    with start_browser(program) as browser:
        with run_console(project) as url, open_page(browser, url, locale="en-US") as opened:
            page = opened.page
            page.get_by_role("button", name="Sample clip").first.wait_for()

            drop(page, video)
            page.locator("#list").get_by_text(video.name).first.wait_for()
            page.wait_for_function(
                "count => document.querySelectorAll('#main .card.done').length == count",
                arg=len(RESULTS),
                timeout=MINUTE,
            )
            assert set(read_titles(page)) == RESULTS
            check_results_play(page)
            open_tab(page, "Deliveries")
            delivery = page.locator("section.delivery").first
            delivery.and_(page.locator(".done")).wait_for(timeout=MINUTE)
            calls = list_calls(delivery)
            assert calls
            assert {outcome for row in calls for outcome in row} == {"done"}

            # COS refuses a copy: SCF retries the event, and only what failed runs again.
            page.get_by_role("button", name="Faults").click()
            rule = (
                page.get_by_role("dialog")
                .locator(".switch")
                .filter(has_text="Refuse the next")
                .first
            )
            rule.locator("select").nth(1).select_option("CopyObject")
            rule.locator("select").nth(2).select_option("403 AccessDenied")
            rule.get_by_role("button", name="Add").click()
            page.get_by_role("dialog").locator(".rule").wait_for()
            page.keyboard.press("Escape")
            again = video.rename(video.with_stem("IMG_0043"))
            drop(page, again)  # new names, so each file is copied
            page.get_by_role("heading", name=again.name).wait_for()
            open_tab(page, "Deliveries")
            delivery = page.locator("section.delivery.done").first
            delivery.get_by_role("button", name=re.compile("Attempt 2")).wait_for(timeout=MINUTE)
            delivery.and_(page.locator(".done")).wait_for(timeout=MINUTE)
            calls = list_calls(delivery)
            assert [row for row in calls if row[0] == "failed"] == [["failed", "done"]]
            assert {tuple(row) for row in calls} == {
                ("done", "skipped"),
                ("failed", "done"),
                ("deferred", "done"),  # the manifest and the message wait for the copy
            }

            # An edited handler runs on the event that is delivered again after the save.
            box = page.get_by_label(re.compile("Redeliver the last event"))
            box.click()
            wait_until(box.is_checked, 10)
            save_handler(page, project, 'print("edited code ran for", transcode.output.path)')
            page.locator("section.delivery").get_by_text("edited code ran for").first.wait_for()
            box.click()
            wait_until(lambda: not box.is_checked(), 10)

            # A callback that always fails: two retries, then the dead-letter queue, from where it is delivered again.
            save_handler(page, project, 'raise ConnectionError("the index is down")')
            before = page.evaluate("location.hash")
            page.get_by_role("button", name="Run again").first.click()
            page.wait_for_function("before => location.hash != before", arg=before)
            open_tab(page, "Deliveries")
            dead = page.locator("section.delivery.dead").first
            dead.wait_for(timeout=MINUTE)
            assert dead.get_by_text("the index is down").count()
            save_handler(page, project, 'print("mended")')
            dead.get_by_role("button", name="Redeliver").click()
            page.locator("section.delivery").get_by_text("mended").first.wait_for()
            page.locator("section.delivery.done").first.wait_for()
            assert opened.problems == []
            task = page.url

        with run_console(project) as url, open_page(browser, url, locale="zh-CN") as opened:
            page = opened.page
            page.goto(f"{url}/#{task.partition('#')[2]}")
            page.locator("section.delivery").first.wait_for()
            assert page.locator("section.delivery").count() == 2
            open_tab(page, "结果")
            page.wait_for_function(
                "count => document.querySelectorAll('#main .card.done').length == count",
                arg=len(RESULTS),
            )
            assert page.locator("#list").get_by_text(again.name).count() == 2
            assert opened.problems == []

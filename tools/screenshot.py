"""Take the README's picture of the console: `scf-mps dev` with the sample clip in Chromium, headless.

Run it after a visible change of the page: `.venv/bin/python tools/screenshot.py`. It needs Chromium and the extras `dev`.
"""

from __future__ import annotations

import argparse
import base64
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "console.webp"
WIDTH, HEIGHT = 1280, 840
MAX_BYTES = 150_000
QUALITIES = (92, 85, 75, 60)
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
VARIABLES = ("MPS_PUBLISH=cos://player-1250000000.ap-guangzhou/vod/", "MPS_NOTIFY=wecom://KEY")
UPLOADS = {"broken.mp4": "failed", "interview.mp4": "done", "launch.mp4": "done"}
CLIP_SECONDS = 20
MAX_WAIT_SECONDS = 120


@contextmanager
def run_console(folder: Path) -> Iterator[str]:
    """Run `scf-mps dev` on a copy of this repository's application. Yield the URL of the page."""
    shutil.copytree(ROOT / "handlers", folder / "handlers")
    shutil.copy(ROOT / "serverless.yml", folder)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    command = [sys.executable, "-m", "scf_mps", "dev", "--fast", "--no-watch", f"--port={port}"]
    # The function runs on this Python, because that of serverless.yml may be missing.
    command += [f"--python={sys.executable}", *(f"--env={item}" for item in VARIABLES)]
    url = f"http://127.0.0.1:{port}/"
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    try:
        wait_for_response(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def wait_for_response(url: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until the page is served. Raise RuntimeError if the process ends or does not serve it."""
    end = time.monotonic() + MAX_WAIT_SECONDS
    while process.poll() is None and time.monotonic() < end:
        try:
            urllib.request.urlopen(url).close()
            return
        except urllib.error.URLError:
            time.sleep(0.1)
    raise RuntimeError(f"{url} is not served. Exit code: {process.poll()}")


def process_videos(page: Page, url: str, folder: Path) -> None:
    """Process the sample clip and copies of it under other names, and a file that is no video."""
    page.set_default_timeout(MAX_WAIT_SECONDS * 1000)
    page.goto(url)
    page.get_by_role("button", name="Sample clip").first.click()
    wait_for_newest(page, "sample.mp4", "done")
    content = (folder / ".scf-mps" / "dev" / "sample.mp4").read_bytes()
    for name, status in UPLOADS.items():
        file = folder / name
        file.write_bytes(content if status == "done" else b"not a video")
        page.locator("#file").set_input_files(file)
        wait_for_newest(page, name, status)


def wait_for_newest(page: Page, name: str, status: str) -> None:
    """Wait until the newest task is the open one, has the name and ended with the status."""
    page.locator(f".row-item:first-child .selected[title='{name}'] .label.{status}").wait_for()


def show_results(page: Page) -> None:
    """Show the results of the open task, each at another time of the clip."""
    page.locator("#tab-messages .count").wait_for()  # the last callback sends a message
    count = page.locator(".card").count()
    page.locator(".card.done").nth(count - 1).wait_for()
    for number, video in enumerate(page.locator(".card video").all(), 1):
        video.evaluate(
            "(item, time) => new Promise((resolve) => {"
            " item.onseeked = resolve; item.currentTime = time; })",
            CLIP_SECONDS * number / 16,
        )
    for number, strip in enumerate(page.locator(".strip").all()):
        strip.locator("button").nth(number).click()
    page.mouse.move(0, 0)
    page.locator("#toasts > *").first.wait_for(state="detached")


def capture(page: Page) -> bytes:
    """Return the visible part of the page as WebP within the size limit."""
    session = page.context.new_cdp_session(page)
    for quality in QUALITIES:
        parameters = {"format": "webp", "quality": quality}
        picture = base64.b64decode(session.send("Page.captureScreenshot", parameters)["data"])
        if len(picture) <= MAX_BYTES:
            return picture
    raise RuntimeError(f"the picture has {len(picture)} bytes, more than {MAX_BYTES}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, default=PICTURE)
    output: Path = parser.parse_args().output
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        print("no chromium: apt-get install chromium", file=sys.stderr)
        return 1
    with (
        tempfile.TemporaryDirectory() as scratch,
        run_console(folder := Path(scratch, "videos")) as url,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        size = {"width": WIDTH, "height": HEIGHT}
        page = browser.new_page(viewport=size, locale="en-US", color_scheme="light")
        process_videos(page, url, folder)
        show_results(page)
        picture = capture(page)
        browser.close()
    output.write_bytes(picture)
    print(f"{output}: {len(picture):,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())

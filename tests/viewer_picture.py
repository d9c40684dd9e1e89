"""Draws the README's moving picture, a saved viewer driven in Chromium: `make picture`."""

import io
import os
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image

from helpers import browse, header_table, load_volume, slice_table, stack_table

PICTURE = Path(__file__).parents[1] / ".github/viewer.gif"
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]
MAIN = ".dv-views > canvas"
SIZE = {"width": 760, "height": 640}
SHOWN = 600, 505  # pixels
COLOURS = 48
STEPS = [("ArrowDown", 7), ("mediastinum", 1), ("ArrowUp", 7), ("LUNG", 1)]  # keys, windows
FRAME_MS, LOOK_MS = 250, 900


def chromium_path():
    """Where the system's Chromium is; None without one."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


def frames(phantom, browser):
    """The pictures, one after each step, in a browser of playwright's."""
    headers = header_table(phantom, progress=False)
    slices = slice_table(headers.query("PatientID == 'P01-reference'"))
    volume = load_volume(slices.loc[stack_table(slices).index[0]])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "viewer.html"
        browse(volume).save_html(path)
        page = browser.new_page(viewport=SIZE, color_scheme="light")
        page.goto(f"file://{path}")
        page.wait_for_selector(MAIN)
        page.focus(MAIN)
        yield _shot(page)
        for step, times in STEPS:
            for _ in range(times):
                _take(page, step)
                yield _shot(page)
        page.close()


def _take(page, step):
    if step.startswith("Arrow"):
        page.keyboard.press(step)
        page.keyboard.press(step)
    else:
        page.get_by_label("Window", exact=True).select_option(label=step)
        page.focus(MAIN)


def _shot(page):
    """The picture once every slice is there and it stands still."""
    page.wait_for_timeout(150)
    page.wait_for_selector("canvas[data-slice]")
    page.wait_for_selector("canvas[data-waiting]", state="detached")
    before, now = None, page.screenshot()
    while now != before:
        page.wait_for_timeout(150)
        before, now = now, page.screenshot()
    return Image.open(io.BytesIO(now)).convert("RGB").resize(SHOWN, Image.Resampling.LANCZOS)


def draw(phantom, path):
    """Writes the moving picture."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        pictures = [
            picture.quantize(COLOURS, dither=Image.Dither.NONE)
            for picture in frames(phantom, browser)
        ]
        browser.close()
    lengths = [LOOK_MS, *[FRAME_MS] * (len(pictures) - 2), LOOK_MS]
    pictures[0].save(
        path, save_all=True, append_images=pictures[1:], duration=lengths, loop=0, optimize=True
    )


if __name__ == "__main__":
    from helpers import phantom_root

    draw(phantom_root(), sys.argv[1] if len(sys.argv) > 1 else PICTURE)

"""Times the viewer in JupyterLab beside what notebooks use otherwise: a part of `make bench`."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from viewer_picture import FLAGS, chromium_path

MOVES = 25
SOFTWARE_GL = [
    *("--ignore-gpu-blocklist", "--use-gl=angle", "--use-angle=swiftshader"),
    "--enable-unsafe-swiftshader",
]
PRESERVE_CANVAS = """
const original = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, options) {
  if (kind.startsWith('webgl')) options = { ...options, preserveDrawingBuffer: true };
  return original.call(this, kind, options);
};
"""
VOLUME = """
import numpy as np, time
from helpers import Volume, browse
def volume(slices):
    rng = np.random.default_rng(0)
    one = rng.normal(-400, 300, (512, 512)).astype(np.int16)
    array = np.stack([np.roll(one, shift, 0) for shift in range(slices)])
    affine = np.eye(4)[[2, 1, 0, 3]]
    return Volume(array, affine, "HU")
"""
CELLS = {
    "few": [VOLUME, "few = volume(300)", "print(round(1000 * time.time())); browse(few)"],
    "many": [VOLUME, "many = volume(1018)", "browse(many, three_planes=False)"],
    "niivue": [
        """
import ipywidgets as widgets, nibabel, numpy as np
from ipyniivue import NiiVue, SliceType
array = np.stack([np.full((512, 512), 10 * i, np.int16) for i in range(100)])
nibabel.save(nibabel.Nifti1Image(array.transpose(2, 1, 0), np.eye(4)), 'volume.nii')
""",
        """
viewer, slider = NiiVue(height=512), widgets.IntSlider(50, 0, 99)
viewer.load_volumes([{'path': 'volume.nii'}])
viewer.set_slice_type(SliceType.AXIAL)
def move(change):
    viewer.move_crosshair_in_vox(0, 0, change.new - change.old)
slider.observe(move, 'value')
display(slider, viewer)
""",
    ],
    "interact": [
        VOLUME
        + "import matplotlib.pyplot as plt\nfrom ipywidgets import interact\nfew = volume(300)",
        "@interact(i=(0, 299))\ndef show(i=150):\n"
        "    plt.figure(figsize=(6, 6))\n    plt.imshow(few.array[i], cmap='gray')\n    plt.show()",
    ],
}
WAIT = """
  const wait = (done) => new Promise((go) => {
    const look = () => done() ? go() : setTimeout(look, 0);
    look();
  });
  const step_by_key = (handle) => handle.dispatchEvent(
    new KeyboardEvent('keydown', { key: 'ArrowRight', keyCode: 39, bubbles: true }));
"""
CHANGED = """
async ([number, known]) => {
  WAIT
  const slider = document.querySelector('.dv input[type=range]');
  const canvas = document.querySelector('.dv-views > canvas');
  const times = [], move = async (index) => {
    slider.value = index;
    slider.dispatchEvent(new Event('input'));
    await wait(() => canvas.dataset.slice.endsWith(` ${index}`));
  };
  for (let step = 0; step < number + known; step++) {
    const start = performance.now();
    await move(known ? 100 + step % 5 : 3 + 11 * step);
    times.push(performance.now() - start);
    await new Promise((go) => setTimeout(go, known && step > 5 ? 40 : 300));
  }
  return times.slice(-number);
}
""".replace("WAIT", WAIT)
WINDOWED = """
async (number) => {
  WAIT
  const canvas = document.querySelector('.dv-views > canvas');
  const root = document.querySelector('.dv'), times = [], box = canvas.getBoundingClientRect();
  const at = (x, y) => ({ pointerId: 1, clientX: box.x + x, clientY: box.y + y, buttons: 1 });
  const fire = (kind, x, y) => canvas.dispatchEvent(new PointerEvent(kind, at(x, y)));
  fire('pointerdown', 200, 200);
  for (let move = 1; move <= number; move++) {
    await new Promise((go) => setTimeout(go, 40));
    const drawn = root.dataset.drawn, start = performance.now();
    fire('pointermove', 200 + 3 * move, 200);
    await wait(() => root.dataset.drawn !== drawn);
    times.push(performance.now() - start);
  }
  fire('pointerup', 200, 200);
  return times;
}
""".replace("WAIT", WAIT)
INTERACT = """
async (number) => {
  WAIT
  const handle = document.querySelector('.widget-slider .noUi-handle');
  const area = document.querySelector('.widget-output');
  const times = [], shown = () => area.querySelector('img')?.src;
  for (let move = 0; move < number; move++) {
    const before = shown(), start = performance.now();
    step_by_key(handle);
    await wait(() => shown() && shown() !== before);
    times.push(performance.now() - start);
    await new Promise((go) => setTimeout(go, 150));
  }
  return times;
}
""".replace("WAIT", WAIT)
NIIVUE = """
async (number) => {
  WAIT
  const area = (canvas) => canvas.width * canvas.height;
  const [canvas] = [...document.querySelectorAll('canvas')].sort((a, b) => area(b) - area(a));
  const small = Object.assign(document.createElement('canvas'), { width: 32, height: 32 });
  const pen = small.getContext('2d', { willReadFrequently: true }), times = [];
  const handle = document.querySelector('.widget-slider .noUi-handle');
  const shown = () => {
    pen.drawImage(canvas, 0, 0, 32, 32);
    return pen.getImageData(0, 0, 32, 32).data.join();
  };
  for (let move = 0; move < number; move++) {
    const before = shown(), start = performance.now();
    step_by_key(handle);
    await wait(() => shown() !== before || performance.now() > start + 3000);
    times.push(performance.now() - start);
    await new Promise((go) => setTimeout(go, 150));
  }
  return times;
}
""".replace("WAIT", WAIT)
SCROLLED = """
(index) => {
  const slider = document.querySelector('.dv input[type=range]');
  slider.value = index;
  slider.dispatchEvent(new Event('input'));
}
"""


def wait_for(port):
    """Returns once a server listens."""
    for _ in range(600):
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)


def median(times):
    return sorted(times)[len(times) // 2]


def run(page, address, done):
    """Runs a notebook in JupyterLab; ms from what its last cell prints until `done` is true."""
    look = f"if (!window.first && {done}) window.first = Date.now();"
    page.add_init_script(f"setInterval(() => {{ {look} }}, 1)")
    page.goto(address)
    page.wait_for_selector(".jp-NotebookPanel .jp-Cell", timeout=60_000)
    page.wait_for_function(
        "document.querySelector('.jp-NotebookPanel-toolbar [data-status=idle]') !== null",
        timeout=60_000,
    )
    page.wait_for_timeout(3000)  # what is restored of an earlier session is settled
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
    page.wait_for_function("window.first", timeout=120_000)
    page.wait_for_timeout(1000)
    printed = page.locator(".jp-OutputArea-output pre").all_inner_texts()
    start = next((int(text) for text in printed if text.strip().isdigit()), None)
    return page.evaluate("window.first") - start if start else None


def main():
    """Prints the table."""
    from playwright.sync_api import sync_playwright

    folder = Path(tempfile.mkdtemp())
    for name, sources in CELLS.items():
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(source.strip()) for source in sources]
        )
        spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook.metadata.kernelspec = spec
        nbformat.write(notebook, folder / f"{name}.ipynb")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = [
        f"--port={port}",
        "--no-browser",
        "--allow-root",
        "--IdentityProvider.token=",
        "--expose-app-in-browser",
    ]
    command = [sys.executable, "-m", "jupyterlab", *options]
    server = subprocess.Popen(
        command, cwd=folder, env={**os.environ, "HOME": str(folder)}, stderr=subprocess.DEVNULL
    )
    path = chromium_path()
    wait_for(port)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
            page = browser.new_page(viewport={"width": 1400, "height": 1600})
            lab = f"http://127.0.0.1:{port}/lab/workspaces"
            ready = "document.querySelector('.dv-views > canvas')?.dataset.slice !== undefined"
            first = run(page, f"{lab}/few/tree/few.ipynb", ready)
            known, fetched = (
                median(page.evaluate(CHANGED, [MOVES, 6])),
                median(page.evaluate(CHANGED, [MOVES, 0])),
            )
            windowed = median(page.evaluate(WINDOWED, MOVES))
            page.close()
            page = browser.new_page(viewport={"width": 1400, "height": 1600})
            run(
                page,
                f"{lab}/interact/tree/interact.ipynb",
                "document.querySelector('.widget-output img') !== null",
            )
            interact = median(page.evaluate(INTERACT, MOVES))
            page.close()
            other = playwright.chromium.launch(
                executable_path=path,
                args=[*(flag for flag in FLAGS if flag != "--disable-gpu"), *SOFTWARE_GL],
            )
            page = other.new_page(viewport={"width": 1400, "height": 1600})
            page.add_init_script(PRESERVE_CANVAS)
            run(
                page, f"{lab}/niivue/tree/niivue.ipynb", "document.querySelector('canvas') !== null"
            )
            page.wait_for_timeout(5000)
            niivue = median(page.evaluate(NIIVUE, MOVES))
            other.close()
            page = browser.new_page(viewport={"width": 1400, "height": 1600})
            run(page, f"{lab}/many/tree/many.ipynb", ready)
            session, most = page.context.new_cdp_session(page), 0
            for index in range(0, 1018, 1):
                page.evaluate(SCROLLED, index)
                if index % 50 == 49:
                    page.wait_for_timeout(300)
                    heap = session.send("Runtime.getHeapUsage")
                    parts = ("usedSize", "backingStorageSize", "embedderHeapUsedSize")
                    most = max(most, sum(heap.get(part, 0) for part in parts))
            browser.close()
    finally:
        server.terminate()
    rows = [
        ("slider moved → new picture, slice in the browser", known, "ms", 10),
        ("the same, slice fetched from the kernel", fetched, "ms", 45),
        ("window dragged → new picture", windowed, "ms", 10),
        ("interact + imshow, slider moved → new picture", interact, "ms", None),
        ("ipyniivue in software GL, slider moved → new picture", niivue, "ms", None),
        ("browse → first picture, 300 slices of 512 × 512", first, "ms", 1000),
        ("browser heap while scrolling through 1,018 slices", most / 1e6, "MB", 300),
    ]
    for name, figure, unit, limit in rows:
        print(f"{name:55} {figure:8.1f} {unit}" + (f" (at most {limit})" if limit else ""))
    print(f"the viewer is {interact / known:.0f} × as fast as interact + imshow (at least 8 ×)")
    print(f"and {niivue / known:.0f} × as fast as ipyniivue (at least 4 ×)")
    print(json.dumps({name: figure for name, figure, *_ in rows}))


if __name__ == "__main__":
    main()

"""Times the viewer of images in JupyterLab, beside interact and ipympl: a part of `make bench`."""

import os
import socket
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import nbformat
import numpy as np
from bench_viewer import INTERACT, WAIT, median, run, wait_for
from pydicom import FileDataset, examples
from pydicom.dataset import FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid
from viewer_picture import FLAGS, chromium_path

ROWS, COLUMNS, BITS = 2500, 2000, 12
IMAGES, MANY = 40, 5000
SMALL = 64, 50  # rows and columns of the many
READ = """
import time
from helpers import header_table, slice_table
from helpers.viewer.image_browser import ImageBrowser
def browser(name):
    start = time.perf_counter()
    headers = header_table(name, progress=False, cache=False)
    read = time.perf_counter() - start
    viewer = ImageBrowser(slice_table(headers))
    print(round(1000 * read), round(1000 * (time.time() - time.perf_counter() + start)))
    return viewer
"""
CELLS = {
    "radiographs": [READ, "browser('radiographs')"],
    "many": [READ, "browser('many')"],
    "cine": [READ, f"browser(['{examples.get_path('ybr_color')}'])"],
    "interact": [
        """
from ipywidgets import interact
import matplotlib.pyplot as plt, pydicom
from helpers import list_files
paths = list_files('radiographs')
""",
        """
@interact(i=(0, len(paths) - 1))
def show(i=12):
    plt.figure(figsize=(6, 6))
    plt.imshow(pydicom.dcmread(paths[i]).pixel_array, cmap='gray')
    plt.show()
""",
    ],
    "ipympl": [
        """
%matplotlib widget
import ipywidgets as widgets, matplotlib.pyplot as plt, pydicom
from helpers import list_files
paths = list_files('radiographs')
""",
        """
figure, ax = plt.subplots(figsize=(6, 6))
shown = ax.imshow(pydicom.dcmread(paths[12]).pixel_array, cmap='gray')
slider = widgets.IntSlider(12, 0, len(paths) - 1)
def move(change):
    shown.set_data(pydicom.dcmread(paths[change.new]).pixel_array)
    figure.canvas.draw_idle()
slider.observe(move, 'value')
display(slider)
""",
    ],
}
STEPPED = """
async ([order, pause]) => {
  WAIT
  const slider = document.querySelector('.dv input[type=range]');
  const canvas = document.querySelector('.dv-views > canvas'), times = [];
  for (const index of order) {
    await new Promise((go) => setTimeout(go, pause));
    const start = performance.now();
    slider.value = index;
    slider.dispatchEvent(new Event('input'));
    await wait(() => canvas.dataset.slice === `image ${index}` && !canvas.dataset.waiting);
    times.push(performance.now() - start);
  }
  return times;
}
""".replace("WAIT", WAIT)
PLAYED = """
async (ms) => {
  const canvas = document.querySelector('.dv-views > canvas'), seen = new Set();
  let shown = 0;
  const watch = new MutationObserver(() => { shown += 1; seen.add(canvas.dataset.slice); });
  const play = [...document.querySelectorAll('.dv button')].find((one) =>
    one.textContent.includes('Play'));
  play.click();
  await new Promise((go) => setTimeout(go, 2000));
  watch.observe(canvas, { attributeFilter: ['data-slice'] });
  shown = 0;
  const start = performance.now();
  await new Promise((go) => setTimeout(go, ms));
  const rate = 1000 * shown / (performance.now() - start);
  watch.disconnect();
  play.click();
  return [rate, seen.size];
}
"""
IPYMPL = """
async (number) => {
  WAIT
  const canvas = document.querySelector('.jupyter-matplotlib-canvas-container canvas');
  const handle = document.querySelector('.widget-slider .noUi-handle'), times = [];
  const small = Object.assign(document.createElement('canvas'), { width: 64, height: 64 });
  const pen = small.getContext('2d', { willReadFrequently: true });
  const shown = () => {
    pen.drawImage(canvas, 0, 0, 64, 64);
    return pen.getImageData(0, 0, 64, 64).data.join();
  };
  for (let move = 0; move < number; move++) {
    const before = shown(), start = performance.now();
    step_by_key(handle);
    await wait(() => shown() !== before || performance.now() > start + 5000);
    times.push(performance.now() - start);
    await new Promise((go) => setTimeout(go, 300));
  }
  return times;
}
""".replace("WAIT", WAIT)


def write_radiographs(folder, count, rows, columns):
    """Radiographs of noise and waves, each another; of 12 bits, uncompressed."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    down, right = np.ogrid[0:rows, 0:columns]
    waves = 1500 + 1200 * np.sin(right / 170) * np.cos(down / 210)
    values = (waves + rng.normal(0, 40, (rows, columns))).clip(0, 2**BITS - 1).astype("<u2")
    for number in range(count):
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
        meta.MediaStorageSOPInstanceUID = generate_uid()
        dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
        dataset.SOPClassUID = meta.MediaStorageSOPClassUID
        dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
        dataset.PatientID, dataset.Modality, dataset.ViewPosition = f"P{number}", "DX", "PA"
        dataset.PatientOrientation, dataset.ImagerPixelSpacing = ["L", "F"], [0.17, 0.17]
        dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = rows, columns, 1
        dataset.PhotometricInterpretation = "MONOCHROME1" if number % 2 else "MONOCHROME2"
        dataset.PresentationLUTShape = "INVERSE" if number % 2 else "IDENTITY"
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, BITS, BITS - 1
        dataset.PixelRepresentation = 0
        dataset.WindowCenter, dataset.WindowWidth = 1600, 2400
        dataset.PixelData = np.roll(values, 13 * number, 0).tobytes()
        dataset["PixelData"].VR = "OW"
        dataset.save_as(folder / f"{number}.dcm", enforce_file_format=True)


def main():
    """Prints the table."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        write_radiographs(folder / "radiographs", IMAGES, ROWS, COLUMNS)
        write_radiographs(folder / "many", MANY, *SMALL)
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        options = [f"--port={port}", "--no-browser", "--allow-root", "--IdentityProvider.token="]
        command = [sys.executable, "-m", "jupyterlab", *options, "--expose-app-in-browser"]
        path = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
        env = {**os.environ, "HOME": name, "PYTHONPATH": path}
        server = subprocess.Popen(command, cwd=folder, env=env, stderr=subprocess.DEVNULL)
        wait_for(port)
        try:
            lab = f"http://127.0.0.1:{port}/lab/workspaces"
            for what, figure, unit, limit in _measured(browser, folder, lab):
                words = f"{what:62} {figure:8.1f} {unit}" + (f" ({limit})" if limit else "")
                print(words, flush=True)
        finally:
            server.terminate()
            server.wait(20)
            browser.close()


def _measured(browser, folder, lab):
    """Yields (what, figure, unit, what it should be)."""
    ready = "document.querySelector('.dv-views > canvas')?.dataset.slice !== undefined"

    def opened(name, done=ready):
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(source.strip()) for source in CELLS[name]]
        )
        spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook.metadata.kernelspec = spec
        nbformat.write(notebook, folder / f"{name}.ipynb")
        page = browser.new_page(viewport={"width": 1400, "height": 1600})
        run(page, f"{lab}/{name}/tree/{name}.ipynb", done)
        page.wait_for_timeout(1000)
        return page

    size = f"{ROWS} × {COLUMNS}, {BITS} bits"
    page = opened("radiographs")
    known = page.evaluate(STEPPED, [[*range(1, 9)], 900])
    yield f"the next radiograph, {size}, fetched ahead", median(known), "ms", "at most 30"
    fetched = page.evaluate(STEPPED, [[*range(IMAGES - 1, 12, -5)], 1500])
    yield "the same from the kernel", median(fetched), "ms", "at most 150"
    page.close()
    page = opened("many")
    first = page.evaluate("window.first")
    read, start = map(int, page.locator(".jp-OutputArea-output pre").all_inner_texts()[-1].split())
    yield f"header_table of {MANY} radiographs", read, "ms", ""
    yield "header_table, slice_table and first picture of them", first - start, "ms", f"{2 * read}"
    page.close()
    page = opened("cine")
    rate, frames = page.evaluate(PLAYED, 4000)
    yield (
        f"ybr_color played, {frames} of 30 frames seen",
        rate,
        "frames per second",
        "30 is its own",
    )
    page.close()
    page = opened("interact", "document.querySelector('.widget-output img') !== null")
    yield "interact + imshow, the next radiograph", median(page.evaluate(INTERACT, 8)), "ms", ""
    page.close()
    if find_spec("ipympl"):
        page = opened("ipympl", "document.querySelector('.jupyter-matplotlib canvas') !== null")
        yield "ipympl, the next radiograph", median(page.evaluate(IPYMPL, 8)), "ms", ""
        page.close()


if __name__ == "__main__":
    main()

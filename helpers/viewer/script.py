"""What runs in the browser? One script, of the files beside this module in their order."""

from pathlib import Path

PARTS = (
    "drawing.js",
    "overlay.js",
    "labels.js",
    "members.js",
    "volume.js",
    "images.js",
    "image_sources.js",
    "kernel.js",
    "stored.js",
)
SCRIPT = "\n".join(Path(__file__).with_name(part).read_text(encoding="utf-8") for part in PARTS)

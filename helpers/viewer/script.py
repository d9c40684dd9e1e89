"""What runs in the browser? One script of modules, each after those it uses."""

import re
from pathlib import Path

PARTS = (
    "greys.js",
    "planes.js",
    "places.js",
    "painting.js",
    "controls.js",
    "pointer.js",
    "overlay.js",
    "labels.js",
    "members.js",
    "volume.js",
    "images.js",
    "image_sources.js",
    "kernel.js",
    "stored.js",
)
IMPORT = re.compile(r"^import .*\n", re.MULTILINE)  # what one needs of another stands before it

SCRIPT = "\n".join(
    IMPORT.sub("", Path(__file__).with_name(part).read_text(encoding="utf-8")) for part in PARTS
)

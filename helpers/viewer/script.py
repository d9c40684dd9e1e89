"""What runs in the browser? One script of modules, each after those it uses."""

import re
from pathlib import Path

PARTS = (
    "greys.js",
    "keys.js",
    "sampling.js",
    "planes.js",
    "measures.js",
    "places.js",
    "edges.js",
    "playing.js",
    "words.js",
    "painting.js",
    "controls.js",
    "pointer.js",
    "overlay.js",
    "labels.js",
    "label_list.js",
    "members.js",
    "measuring.js",
    "moves.js",
    "volume_painting.js",
    "volume_controls.js",
    "volume.js",
    "image_painting.js",
    "image_controls.js",
    "images.js",
    "caches.js",
    "sharing.js",
    "image_sources.js",
    "kernel.js",
    "stored.js",
)
# imports, for what is needed stands before, and what is for readers and for the checker of types
LEFT_OUT = re.compile(r"^import [^;]*;\n|^ *//[^\n]*\n|^ */\*\*.*?\*/\n|/\*\*.*?\*/ ?", re.M | re.S)


def script() -> str:
    """The modules of the viewer as one, without imports, comments and types."""
    texts = (Path(__file__).with_name(part).read_text(encoding="utf-8") for part in PARTS)
    return "\n".join(LEFT_OUT.sub("", text) for text in texts)


SCRIPT = script()

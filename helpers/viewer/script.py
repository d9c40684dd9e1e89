"""What runs in the browser? One script, of the files beside this module in their order."""

from pathlib import Path

PARTS = ("drawing", "volume", "kernel", "stored")
SCRIPT = "\n".join(
    Path(__file__).with_name(f"{part}.js").read_text(encoding="utf-8") for part in PARTS
)

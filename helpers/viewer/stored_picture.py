"""How is a picture stored in a page? In bytes, each of which stands for a value, as JPEG or PNG."""

import io
from base64 import b64encode
from typing import Any, TypeAlias

import numpy as np
from PIL import Image

from helpers.pixels.window import value_range

JPEG_QUALITY = 85
SCALE_SHARE = 0.9995  # of the values that 256 steps span

Scale: TypeAlias = tuple[float, float]  # (low, step): a byte stands for the value low + step × byte


def scale_of(values: np.ndarray, padding: np.ndarray | None, share: float = SCALE_SHARE) -> Scale:
    """The scale that spans a share of the values; whole steps for whole numbers."""
    low, high = value_range(values, padding=padding, share=share).limits
    step = (high - low) / 255
    if values.dtype.kind in "iub":
        return float(np.floor(low)), float(max(1, np.ceil(step)))
    return low, step


def in_bytes(values: np.ndarray, scale: Scale) -> np.ndarray:
    """Values as the bytes, uint8, that stand for them."""
    low, step = scale
    return np.clip(np.round((values - low) / (step or 1)), 0, 255).astype(np.uint8)


def jpeg(image: np.ndarray) -> str:
    """Bytes (rows, columns), or colour (rows, columns, 3), as a JPEG in base64."""
    return _encoded(image, "JPEG", quality=JPEG_QUALITY)


def png(image: np.ndarray) -> str:
    """The same, or a boolean mask, as a PNG in base64, without loss."""
    return _encoded(image, "PNG")


def _encoded(image: np.ndarray, kind: str, **options: Any) -> str:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, kind, **options)
    return b64encode(buffer.getvalue()).decode()

"""A report as the gallery shows it, of stacks that are made up: as many as asked, some hostile."""

import io
import shutil

import numpy as np
from PIL import Image, ImageDraw

from helpers.report.html_pages import PageEntry, index_html, stack_html

SIZE = 160  # pixels of a thumbnail
LOOKS = 24  # thumbnails that differ
EVIL = "</script><img src=x onerror=document.title='owned'>\"'&"
KINDS = (("CT", "volume"), ("MR", "volume"), ("DX", "projection"), ("US", "cine"), ("", "picture"))
RULES = {"missing-slice": "error", "spacing-varies": "warning", "window-absent": "note"}
FACTS = {
    "files": "38120, 20114.2 MB; 3 of 38120 cannot be read",
    "images": "38014 in 1950 series",
    "patients": "250",
    "modalities": "CT 20110, MR 14210, DX 2694, US 1000",
    "stacks": "2000 (volume 800, projection 400, cine 400, picture 400); 34 of 2000 have a problem",
    "findings": "800 errors, 400 warnings in the headers; most of missing-slice (800)",
    "identity": "12 elements with values that could identify a person",
}
PAGES = {
    "01_tags": PageEntry("What does one DICOM file contain?", ""),
    "05_quality": PageEntry("What is wrong with this collection?", ""),
    "07_fastai": PageEntry("How do I train on it?"),
}


def gallery(count):
    """Cards and findings of so many stacks; the second one attacks, the third has no picture."""
    cards = [_card(number) for number in range(1, count + 1)]
    findings = [finding for card in cards for finding in _findings(card)]
    listed, more = findings[:2000], max(len(findings) - 2000, 0)
    return {"cards": cards, "findings": listed, "more": more}


def write_report(folder, count, **index):
    """Writes an index of so many stacks with thumbnails, and pages of the first three."""
    (folder / "stacks").mkdir(parents=True)
    shown = gallery(count)
    for number in range(1, min(LOOKS, count) + 1):
        (folder / "stacks" / f"{number:04}.webp").write_bytes(thumbnail(number))
    for number in range(LOOKS + 1, count + 1):
        look = folder / "stacks" / f"{number % LOOKS + 1:04}.webp"
        shutil.copyfile(look, folder / "stacks" / f"{number:04}.webp")
    for card in shown["cards"][:3]:
        page = folder / "stacks" / f"{card['id']:04}.html"
        page.write_text(stack_page(card, shown["findings"]), encoding="utf-8")
    text = index_html(
        "made up", FACTS, {}, PAGES, "Made today.", gallery=shown, size="1 MB of 200", **index
    )
    (folder / "index.html").write_text(text, encoding="utf-8")
    return folder / "index.html"


def stack_page(card, findings):
    """The page of a stack, with a contact sheet."""
    return stack_html(
        number=card["id"],
        title=card["title"],
        about=f"{card['patient']} · {card['images']} images",
        sheet=f"{card['id']:04}.webp",
        alt=card["alt"],
        findings=[finding for finding in findings if finding["card"] == card["id"]],
        previous=f"{card['id'] - 1:04}.html" if card["id"] > 1 else "",
        next=f"{card['id'] + 1:04}.html",
    )


def thumbnail(number):
    """A WebP with something to see, and letters."""
    rows, columns = np.mgrid[-1 : 1 : SIZE * 1j, -1 : 1 : SIZE * 1j]
    angle = number * 0.7
    body = rows**2 * (1 + 0.3 * np.cos(angle)) + columns**2 < 0.8
    texture = 110 + 60 * np.sin(9 * rows + angle) * np.cos(7 * columns * np.sin(angle) + 2)
    picture = Image.fromarray(np.where(body, texture, 0).astype(np.uint8)).convert("RGB")
    draw = ImageDraw.Draw(picture)
    for place, letter in ((2, 74), "R"), ((150, 74), "L"), ((76, 0), "A"), ((76, 148), "P"):
        draw.text(place, letter, fill=(255, 217, 47))
    written = io.BytesIO()
    picture.save(written, "webp", quality=60)
    return written.getvalue()


def _card(number):
    modality, kind = KINDS[number % len(KINDS)]
    rules = [rule for step, rule in zip((5, 10, 3), RULES) if number % step == 0]
    images = 1 if kind in ("projection", "picture") else 20 + number * 37 % 400
    card = {
        "id": number,
        "patient": f"P{number % 250:03}",
        "modality": modality,
        "kind": kind,
        "title": f"{('Chest', 'Head', 'Abdomen')[number % 3]} {kind} {number}",
        "series": str(number % 12),
        "images": images,
        "positions": images if kind == "volume" else 0,
        "spacing": "2.5 mm" if kind == "volume" else "",
        "size": "512 × 512",
        "thumb": f"stacks/{number:04}.webp",
        "alt": "axial slice, R is left, A is at the top",
        "width": SIZE,
        "height": SIZE,
        "page": f"stacks/{number:04}.html",
        "alive": number <= 50,
        "why": "",
        "badges": [f"{rule} {number % 4 + 1}" for rule in rules],
        "severity": RULES[rules[0]] if rules else "",
    }
    if number == 2:
        texts = ("patient", "modality", "kind", "title", "series", "spacing", "size", "alt")
        card |= dict.fromkeys(texts, EVIL) | {"badges": [f"{EVIL} 3"], "severity": "error"}
    if number == 3:
        why = "pixels cannot be decoded: expected JPEG 2000, found 0x00"
        card |= {"thumb": "", "page": "", "why": why, "alt": "", "title": ""}
    return card


def _findings(card):
    for badge in card["badges"]:
        rule = badge.rpartition(" ")[0]
        for number in range(int(badge.rpartition(" ")[2])):
            yield {
                "rule": rule,
                "severity": RULES.get(rule, "error"),
                "card": card["id"],
                "where": f"{card['patient']}/{number}.dcm",
                "slice": number,
                "href": f"stacks/{card['id']:04}.html#index={number}" if card["page"] else "",
                "value": f"{number}.5 mm",
                "effect": "volumes are measured too small",
                "remedy": "ask for the slice, or leave the stack out",
                "clause": "PS3.3 C.7.6.2.1.1",
            }

"""The gallery of a report: its cards, its pages of stacks, its findings, and what they may take."""

import json
import re
import shutil
from collections import Counter

import nbformat
import numpy as np
import pydicom
import pytest
from PIL import Image

from helpers.headers.table import header_table
from helpers.report.gallery import Gallery, Shown
from helpers.report.report import SizeError, build_site
from helpers.report.stack_pages import StackPages
from helpers.report.stack_viewers import CHOSEN_BY, chosen_stacks
from helpers.report.tables import tables_of

VIEWER_DATA = re.compile(r'<section>.*?<script type="application/json">(.*?)</script>', re.S)


def _gallery(folder):
    return Gallery(tables_of(header_table(folder, cache=False, progress=False)), str(folder))


def _pages(gallery, site, *, max_mb=50.0, viewers=50):
    pages = StackPages(gallery, site, max_bytes=1e6 * max_mb, viewers=viewers, environment={})
    pages.draw()
    pages.add_viewers(0)
    return pages


def _viewer_data(site, shown):
    html = (site / shown.page).read_text(encoding="utf-8")
    return json.loads(VIEWER_DATA.search(html)[1])


@pytest.fixture(scope="module")
def some(phantom, tmp_path_factory):
    """Some patients of the phantom, one of them with files that are broken."""
    folder = tmp_path_factory.mktemp("some")
    names = sorted(path.name for path in phantom.iterdir() if path.is_dir())
    wanted = [name for name in names if name[:3] in ("P01", "P11", "P14", "P40")]
    for name in wanted:
        (folder / name).symlink_to(phantom / name)
    broken = folder / "broken"
    broken.mkdir()
    for number, path in enumerate(sorted((phantom / "P01-reference").glob("*"))[:3], 1):
        dataset = pydicom.dcmread(path)
        dataset.PatientID = "broken"
        dataset.SeriesInstanceUID = "1.2.826.0.1.3680043.8.498.99"
        dataset.PixelData = dataset.PixelData[:10]
        dataset.save_as(broken / f"{number}.dcm")
    return folder


@pytest.fixture(scope="module")
def gallery(some):
    return _gallery(some)


@pytest.fixture(scope="module")
def drawn(gallery, tmp_path_factory):
    """The folder of a report, and its pages of stacks."""
    site = tmp_path_factory.mktemp("site")
    return site, _pages(gallery, site)


def test_cards_say_what_the_tables_say(gallery, drawn):
    site, pages = drawn
    data, stacks = gallery.data(pages.shown), gallery.tables.stacks
    assert json.loads(json.dumps(data)) == data
    assert [card["id"] for card in data["cards"]] == list(range(1, len(stacks) + 1))
    for card, row in zip(data["cards"], stacks.itertuples(), strict=True):
        assert (card["patient"], card["modality"]) == (row.PatientID, row.Modality)
        assert (card["images"], card["positions"]) == (row.images, row.positions)
        assert card["size"] == f"{row.columns} × {row.rows}"
        assert not row.spacing_mm > 0 or card["spacing"] == f"{row.spacing_mm:.3g} mm"
        if not card["thumb"]:
            continue
        with Image.open(site / card["thumb"]) as picture:
            assert picture.size == (card["width"], card["height"]) and max(picture.size) == 192
        assert card["alt"] and (site / card["page"]).is_file()


def test_findings_are_counted_on_the_cards_of_their_stacks(gallery, drawn):
    data, findings = gallery.data(drawn[1].shown), gallery.tables.findings
    assert len(data["findings"]) == len(findings) and data["more"] == 0
    assert [one["rule"] for one in data["findings"]] == findings["rule"].tolist()
    for card in data["cards"]:
        own = [one for one in data["findings"] if one["card"] == card["id"]]
        counts = Counter(one["rule"] for one in own)
        assert card["badges"] == [f"{rule} {count}" for rule, count in counts.items()]
        assert card["severity"] == (own[0]["severity"] if own else "")
    of_stack = findings["stack"].notna()
    for one, stack in zip(np.flatnonzero(of_stack), findings["stack"][of_stack]):
        assert data["findings"][one]["card"] == gallery.number_of(stack)


def test_a_finding_leads_to_the_slice_that_it_is_about(gallery, drawn):
    site, pages = drawn
    findings, checked = gallery.tables.findings, 0
    for number, finding in enumerate(gallery.data(pages.shown)["findings"]):
        if finding["slice"] is None:
            assert "#" not in finding["href"]
            continue
        shown = pages.shown[finding["card"]]
        assert finding["href"] == f"{shown.page}#index={finding['slice']}" and shown.is_alive
        data = _viewer_data(site, shown)
        if data["meta"].get("images"):
            assert finding["slice"] < data["meta"]["count"]
            continue
        plane = data["meta"]["planes"][data["state"]["plane"]]
        path = findings["path"].iloc[number]
        position = [float(one) for one in pydicom.dcmread(path).ImagePositionPatient]
        index = np.array(plane["inverse"])[0] @ [*position, 1]
        assert abs(index - finding["slice"]) <= 0.51
        checked += 1
    assert checked


def test_a_stack_that_cannot_be_decoded_has_a_card_and_a_page_with_the_reason(gallery, drawn):
    site, pages = drawn
    (card,) = (one for one in gallery.data(pages.shown)["cards"] if one["patient"] == "broken")
    assert card["thumb"] == "" and not card["alive"] and card["why"]
    assert str(site) not in card["why"] and "broken/" in card["why"]
    text = (site / card["page"]).read_text(encoding="utf-8")
    assert "<section>" not in text and text.count(card["why"]) == 1 and "no viewer" not in text
    others = [one for number, one in pages.shown.items() if number != card["id"]]
    assert others and all(one.is_alive and one.thumb for one in others)
    assert "others a contact sheet or the reason" in pages.note


def test_a_page_runs_one_script_that_lies_beside_it_and_needs_nothing_else(drawn):
    site, pages = drawn
    script = (site / "stacks" / "viewer.js").read_text(encoding="utf-8")
    assert not re.search(r"^(import|export)\b", script, re.M) and "standalone(" in script
    for shown in pages.shown.values():
        text = (site / shown.page).read_text(encoding="utf-8")
        assert text.count("<script src=") == shown.is_alive and "://" not in _without_words(text)


def _without_words(text):
    """A page without what findings say, which may name a clause by its address."""
    return re.sub(r"<cite>.*?</cite>|<p>.*?</p>", "", text, flags=re.S)


@pytest.mark.parametrize(("max_mb", "viewers"), [(50, 2), (1.5, 50), (0.3, 50), (0.02, 50)])
def test_a_report_takes_no_more_than_it_may(gallery, tmp_path, max_mb, viewers):
    pages = _pages(gallery, tmp_path, max_mb=max_mb, viewers=viewers)
    files = [path for path in (tmp_path / "stacks").rglob("*") if path.is_file()]
    assert pages.size == sum(path.stat().st_size for path in files)
    alive = sum(one.is_alive for one in pages.shown.values())
    assert alive <= viewers and f"{alive:,} of {len(gallery):,} stacks" in pages.note
    assert CHOSEN_BY in pages.note
    html = sum(path.stat().st_size for path in files if path.suffix == ".html")
    assert pages.size - html * (max_mb < 1) <= 1e6 * max_mb  # a page of words there always is
    sheets = [path for path in files if path.name.endswith("-sheet.webp")]
    assert bool(sheets) == (viewers == 2)


def test_stacks_with_findings_and_the_best_of_patients_come_first(gallery):
    everybody = chosen_stacks(gallery, 10_000)
    assert sorted(everybody) == list(range(1, len(gallery) + 1))
    severities = [gallery.severity_of(number) for number in everybody]
    worst = next(one for one in ("error", "warning", "note", "") if one in severities)
    assert severities[0] == worst and everybody[1] == 1
    assert chosen_stacks(gallery, 3) == everybody[:3] and chosen_stacks(gallery, 0) == []


def test_an_earlier_card_without_pictures_is_whole(gallery):
    card = gallery.card(1, Shown())
    assert card["thumb"] == card["page"] == "" and card["title"]


# in a report


@pytest.fixture
def page(tmp_path):
    """A folder of one page."""
    folder = tmp_path / "pages"
    folder.mkdir()
    cells = [nbformat.v4.new_markdown_cell("# A page"), nbformat.v4.new_code_cell("6 * 7")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "01_page.ipynb")
    return folder


def test_the_whole_report_in_one_file(phantom, page, tmp_path, capsys):
    site = tmp_path / "site"
    path = build_site(phantom / "P01-reference", pages=page, site=site, single=True, max_mb=5)
    assert path == site / "report.html"
    text = path.read_text(encoding="utf-8")
    for name in ("viewer", "stack-1", "01_page"):
        assert f'id="document-{name}"' in text
    (data,) = re.findall(r'id="collection">(.*?)</script>', text)
    (card,) = json.loads(data)["cards"]
    assert card["page"] == "#stack-1" and card["thumb"].startswith("data:image/webp;base64,")
    assert path.stat().st_size < 5e6 and "of at most 5" in text
    assert "each stack has a viewer: " in capsys.readouterr().out


def test_identity_is_in_no_page_of_a_stack(real, page, tmp_path):
    folder, site = tmp_path / "Quenby", tmp_path / "site"
    folder.mkdir()
    for number, path in enumerate(sorted((real / "series/chest-ct-8mm-siemens").iterdir())[:4]):
        dataset = pydicom.dcmread(path)
        dataset.PatientID, dataset.PatientName = "MRN-0012345", "Doe^Quenby"
        dataset.SeriesDescription = "Follow-up of Quenby"
        dataset.WindowCenterWidthExplanation = "for Dr. Auschlander"
        dataset.ReferringPhysicianName = "Auschlander"
        dataset.save_as(folder / f"Quenby_{number}.dcm")
    shutil.copy(real / "odd/pydicom/test-SR.dcm", folder / "Quenby.dcm")
    series = str(dataset.SeriesInstanceUID)
    build_site(folder, pages=page, site=site, deidentify=True)
    texts = [*site.glob("*.html"), *site.glob("stacks/*.html")]
    assert len(texts) >= 3
    for path in texts:
        text = path.read_text(encoding="utf-8")
        assert not re.search(rf"Quenby|MRN-0012345|Auschlander|{re.escape(series)}", text)
        assert str(tmp_path) not in text


def test_what_lay_beside_the_pages_of_stacks_stays(phantom, page, tmp_path):
    site = tmp_path / "site"
    build_site(phantom / "P01-reference", pages=page, site=site, viewers=0)
    (site / "stacks" / "mine.txt").touch()
    (site / "stacks" / "0099.html").touch()
    build_site(phantom / "P01-reference", pages=page, site=site, viewers=0)
    assert {path.name for path in (site / "stacks").iterdir()} == {
        *("mine.txt", "0001.html", "0001.webp", "0001-sheet.webp")
    }


def test_a_size_that_is_none_is_refused(page, tmp_path):
    with pytest.raises(SizeError, match="expected a size of the report in MB above 0, got 0"):
        build_site(pages=page, site=tmp_path / "site", max_mb=0)
    assert not (tmp_path / "site").exists()

"""All that an output holds is cleaned: texts, attributes, frames, data, addresses, pictures."""

import html
import io
import json
from base64 import b64decode, b64encode

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from helpers.report.cleaned import clean_data, clean_html, clean_output
from helpers.viewer.script import SCRIPT
from helpers.viewer.standalone_page import PAGE_SCRIPT, StandalonePage, page_html, viewer_html

NAME = "Müller"


def _clean(text):
    return text.replace(NAME, "NN")


def _base64(text):
    return b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "text",
    [
        f"<td>{NAME}</td>",
        "<td>M&uuml;ller, M&#252;ller, M&#xfc;ller</td>",
        f'<td title="{NAME}">1</td>',
        f"<td title='a > {NAME}'>1</td>",
        "<td title=M&uuml;ller>1</td>",
        f"<!-- {NAME} --><p>1</p>",
        f"<script>const name = '{NAME}'</script>",
        '<script type="application/json">{"name": ["M\\u00fcller"]}</script>',
        f'<iframe srcdoc="{html.escape(f"<b title={NAME}>{NAME}</b>")}"></iframe>',
        f'<a href="data:text/plain;base64,{_base64(NAME)}">1</a>',
        f'<a href="data:text/html,{NAME}">1</a>',
        f'<img src="data:image/svg+xml;base64,{_base64(f"<svg><title>{NAME}</title></svg>")}">',
    ],
)
def test_html_is_cleaned_wherever_it_holds_text(text):
    cleaned = clean_html(text, _clean)
    said = html.unescape(html.unescape(cleaned))
    assert NAME not in said and "\\u00fc" not in said and _base64(NAME) not in said
    assert (
        "NN" in said
        or _base64("NN") in said
        or "Tk4" in said
        or "<title>NN"
        in str([b64decode(part) for part in cleaned.split('"') if part.startswith("data:image")])
        or "base64" in said
    )


def test_html_without_a_name_is_the_same():
    viewer = viewer_html({"pictures": ["QUJDREVGR0hJSktMTU5P"], "words": ["a < b"]}, "<img alt=''>")
    page = StandalonePage(page_html(viewer), "", [b"\x89PNG"])
    for text in (page.document, page.framed(300), "a < b & c", "<td class='x'>1 &lt; 2</td>"):
        assert clean_html(text, lambda text: text) == text
    assert SCRIPT in clean_html(page.document, str.upper), "the suite's program is known"
    assert "widget" in PAGE_SCRIPT


def test_the_data_of_a_viewer_is_cleaned_and_its_pictures_stay():
    picture = _base64(NAME * 9)
    data = {
        "pictures": [picture, {"jpeg": picture, "upper": [NAME], "error": f"of {NAME}"}],
        "meta": {"words": (NAME, 1, None), "maps": [picture]},
    }
    assert clean_data(data, _clean) == {
        "pictures": [picture, {"jpeg": picture, "upper": ["NN"], "error": "of NN"}],
        "meta": {"words": ["NN", 1, None], "maps": [picture]},
    }
    document = page_html(viewer_html(data, ""))
    frame = StandalonePage(document, "", []).framed(300)
    cleaned = html.unescape(clean_html(frame, _clean))
    assert json.dumps(NAME)[1:-1] not in cleaned and picture in cleaned and SCRIPT in cleaned


def _png():
    info, file = PngInfo(), io.BytesIO()
    info.add_text("Title", NAME)
    info.add_itxt("Author", NAME)
    info.add_text("Comment", NAME, zip=True)
    Image.new("L", (3, 2), 7).save(file, "PNG", pnginfo=info)
    return file.getvalue()


def test_pictures_keep_their_pixels_and_no_text():
    output = {
        "output_type": "display_data",
        "data": {
            "image/png": b64encode(_png()).decode(),
            "text/html": f'<img src="data:image/png;base64,{b64encode(_png()).decode()}">',
            "application/json": {"name": [NAME]},
            "text/plain": f"<{NAME}>",
            "image/svg+xml": f"<svg><text>{NAME}</text></svg>",
            "text/latex": NAME,
        },
    }
    clean_output(output, _clean)
    inline = output["data"]["text/html"].split(",")[1].split('"')[0]
    for content in (output["data"].pop("image/png"), inline):
        picture = Image.open(io.BytesIO(b64decode(content)))
        assert picture.size == (3, 2) and picture.getpixel((0, 0)) == 7 and not picture.text
    assert NAME not in json.dumps(output, ensure_ascii=False)
    assert output["data"]["application/json"] == {"name": ["NN"]}


def test_streams_and_errors_are_cleaned():
    outputs = [
        {"output_type": "stream", "text": NAME},
        {"output_type": "error", "ename": NAME, "evalue": NAME, "traceback": [NAME, "x"]},
    ]
    for output in outputs:
        clean_output(output, _clean)
    assert NAME not in json.dumps(outputs, ensure_ascii=False)

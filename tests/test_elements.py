"""Values of data elements: whatever the bytes, what pydicom makes of them."""

import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag
from pydicom.values import convert_value

from helpers.headers.elements import PLAIN_TEXT, python_value, value_of

NUMBERS = st.one_of(
    st.floats().map(str), st.integers().map(str), st.text("0123456789+-.eE: \0", max_size=20)
)
PARTS = st.lists(NUMBERS, min_size=1, max_size=6).map(lambda parts: "\\".join(parts).encode())


@pytest.mark.parametrize("count", [300, pytest.param(3000, marks=pytest.mark.second_look)])
def test_values_equal_pydicoms(count):
    wanted = settings(max_examples=count, deadline=None)
    wanted(given(st.sampled_from(sorted(PLAIN_TEXT)), PARTS)(_assert_equals_pydicoms))()


def _assert_equals_pydicoms(vr, content):
    tag = Tag(0x00080005)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            theirs = python_value(
                convert_value(
                    vr, RawDataElement(tag, vr, len(content), content, 0, False, True), ["iso8859"]
                )
            )
        except Exception as error:
            with pytest.raises(type(error)):
                value_of(tag, vr, content, None, False)
            return
        assert repr(value_of(tag, vr, content, None, False)) == repr(theirs)


def test_what_is_known_of_padding_and_several_values():
    tag = Tag(0x00200032)
    assert value_of(tag, "DS", b"-1.5\\2e1 \\ 3 ", None, False) == (-1.5, 20.0, 3.0)
    assert value_of(tag, "IS", b"007 ", None, False) == 7
    assert value_of(tag, "UI", b"1.2.840\0", None, False) == "1.2.840"
    assert value_of(tag, "DS", b"1\\\\3 ", None, False) == (1.0, "", 3.0)
    assert value_of(tag, "DS", b"  ", None, False) is None

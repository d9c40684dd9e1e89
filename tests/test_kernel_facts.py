"""What Kaggle is told of a kernel: title, data and owner, or why Kaggle would not take it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.kernels.kernel_facts import (
    SOURCES,
    KaggleError,
    kernel_settings,
    kernel_title,
    owner,
    slug,
)


@given(st.text("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789 ,.:?!-", max_size=50))
def test_slugs_are_those_of_the_client(title):
    slugify = pytest.importorskip(
        "slugify", reason="python-slugify comes with Kaggle's client, see tests/kaggle-image.txt"
    ).slugify
    assert slug(title) == slugify(title)


@pytest.mark.parametrize(
    ("heading", "title"),
    [
        (
            "What is wrong with this collection, and what does it do to a picture or a number?",
            "What is wrong with this collection",
        ),
        ("A" * 50, "A" * 50),
        ("A" * 51, None),
        ("Four", None),
        ("Größe und Abstand", None),
        ("One, two, three and this is a very long clause with no end", "One, two"),
    ],
)
def test_titles(heading, title):
    if title is None:
        with pytest.raises(
            KaggleError, match=r"^01_page, cell 1: expected a heading of 5 to 50 plain characters"
        ):
            kernel_title("01_page", heading)
    else:
        assert kernel_title("01_page", heading) == title


def test_without_a_table_there_is_no_data_and_nothing_is_on(tmp_path):
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\n', encoding="utf-8")
    settings = kernel_settings(tmp_path / "pyproject.toml")
    assert [settings[key] for key in SOURCES] == [[], [], [], []] and settings["is_private"] is True
    assert [key for key, value in settings.items() if value is False] == [
        "enable_gpu",
        "enable_tpu",
        "enable_internet",
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "enable_internet = true",
            "expected competition_sources, dataset_sources, .*, got enable_internet",
        ),
        (
            'competition_sources = ["OSIC Fibrosis"]',
            r"competition_sources: expected a list of names .*, got \['OSIC Fibrosis'\]",
        ),
        (
            'dataset_sources = ["my-dicoms"]',
            r"dataset_sources: expected a list of names .*, got \['my-dicoms'\]",
        ),
        (
            'dataset_sources = "me/my-dicoms"',
            "dataset_sources: expected a list of names .*, got 'me/my-dicoms'",
        ),
        ('is_private = "yes"', "is_private: expected true or false, got 'yes'"),
        ("is_private = maybe", r"expected a file of TOML, cannot read .*pyproject\.toml: "),
    ],
)
def test_a_table_that_is_not_understood_is_refused(tmp_path, line, said):
    (tmp_path / "pyproject.toml").write_text(f"[tool.kaggle]\n{line}\n", encoding="utf-8")
    with pytest.raises(KaggleError, match=said) as caught:
        kernel_settings(tmp_path / "pyproject.toml")
    assert "\n" not in str(caught.value)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    for key in ("KAGGLE_USERNAME", "KAGGLE_CONFIG_DIR", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(key, raising=False)
    return tmp_path


def test_the_owner_is_found_where_the_client_finds_it(home, monkeypatch):
    with pytest.raises(
        KaggleError,
        match=r"^expected the name of a Kaggle account, .* make kaggle KAGGLE_USER=NAME$",
    ):
        owner()
    for file, user in (
        (home / ".config/kaggle/kaggle.json", "new-place"),
        (home / ".kaggle/credentials.json", "logged-in"),
        (home / ".kaggle/kaggle.json", "old-place"),
        (home / "elsewhere/kaggle.json", "named-place"),
    ):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(
            json.dumps({"username": user, "key": "secret", "refresh_token": "secret"}),
            encoding="utf-8",
        )
        if user == "named-place":
            monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(file.parent))
        assert owner() == user
    monkeypatch.setenv("KAGGLE_USERNAME", "named")
    assert owner() == "named" and owner("asked") == "asked"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"username": null}', "\x00"])
def test_a_configuration_that_names_nobody(home, text):
    (home / ".kaggle").mkdir()
    (home / ".kaggle/kaggle.json").write_text(text, encoding="utf-8")
    with pytest.raises(KaggleError, match="expected the name of a Kaggle account"):
        owner()


def test_a_name_that_is_no_account():
    with pytest.raises(KaggleError, match=r"expected a user name .*, got 'Jane Doe'"):
        owner("Jane Doe")

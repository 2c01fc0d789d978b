"""docs/reference/settings.md says what the code does."""

from scripts import settings_reference


def test_the_settings_page_is_what_the_settings_are():
    assert settings_reference.PAGE.read_text() == settings_reference.page(), "run: make docs"

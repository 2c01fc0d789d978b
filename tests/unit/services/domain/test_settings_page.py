"""docs/reference/directory.md names every setting of the directory."""

from pathlib import Path

from services.domain.settings import PREFIX, DirectorySettings

PAGE = Path(__file__).parents[4] / "docs" / "reference" / "directory.md"


def test_every_setting_stands_on_the_page():
    page = PAGE.read_text()

    assert [name for name in DirectorySettings.model_fields if f"`{PREFIX}{name.upper()}`" not in page] == []

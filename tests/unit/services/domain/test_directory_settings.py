import pytest

from flask_scale.errors import SettingsError
from services.domain.settings import MIB, load_directory_settings


def test_defaults_are_the_documented_ones():
    settings = load_directory_settings(environ={})
    assert (settings.max_import_bytes, settings.export_ttl_hours) == (64 * MIB, 24)


def test_the_environment_wins_over_the_apps_config():
    settings = load_directory_settings(
        {"USER_DIRECTORY_MAX_BODY_BYTES": 2048}, {"USER_DIRECTORY_MAX_BODY_BYTES": "4096"}
    )
    assert settings.max_body_bytes == 4096


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("USER_DIRECTORY_MAX_IMPORT_BYTE", "1", "did you mean USER_DIRECTORY_MAX_IMPORT_BYTES"),
        ("USER_DIRECTORY_EXPORT_TTL_HOURS", "-1", "USER_DIRECTORY_EXPORT_TTL_HOURS='-1': .*greater than 0"),
    ],
)
def test_a_wrong_setting_is_refused_in_one_line(name, value, message):
    with pytest.raises(SettingsError, match=message):
        load_directory_settings(environ={name: value})

"""Settings: one frozen object, and errors that a person can act on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_scale.errors import SettingsError
from flask_scale.settings import PREFIX, Settings, load_settings


def test_the_defaults_are_the_tutorials_values():
    settings = load_settings(environ={})

    assert (settings.bind, settings.workers, settings.worker_class) == ("0.0.0.0:8000", 4, "fast")
    assert (settings.pool_size, settings.max_overflow, settings.pool_recycle_seconds) == (10, 5, 1800)
    assert settings.cache_ttl_seconds == 300


def test_the_environment_wins_over_the_apps_config():
    settings = load_settings({"FLASK_SCALE_WORKERS": 2, "DEBUG": True}, {"FLASK_SCALE_WORKERS": "3", "HOME": "/"})

    assert settings.workers == 3


def test_the_apps_config_wins_over_the_default():
    assert load_settings({"FLASK_SCALE_WORKERS": 2}, {}).workers == 2


def test_an_empty_variable_counts_as_absent():
    assert load_settings(environ={"FLASK_SCALE_DATABASE_URL": ""}).database_url is None


def test_settings_cannot_be_changed():
    settings = load_settings(environ={})

    with pytest.raises(ValueError, match="frozen"):
        settings.workers = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("FLASK_SCALE_WORKER", "4", "did you mean FLASK_SCALE_WORKERS?"),
        ("FLASK_SCALE_ZZZZZZ", "4", "docs/reference/settings.md"),
        ("FLASK_SCALE_WORKERS", "four", "FLASK_SCALE_WORKERS='four'"),
        ("FLASK_SCALE_WORKERS", "0", "greater than or equal to 1"),
        ("FLASK_SCALE_WORKER_CLASS", "tornado", "'fast', 'gevent', 'gthread' or 'sync'"),
        ("FLASK_SCALE_BIND", "8000", "host:port"),
        ("FLASK_SCALE_BIND", "127.0.0.1:99999", "host:port"),
        ("FLASK_SCALE_DATABASE_URL", "mysql://a/b", "must begin with postgresql://"),
        ("FLASK_SCALE_CACHE_URL", "memcached://a", "must begin with redis://"),
        ("FLASK_SCALE_CACHE_URL", "redis://a:port", "Port"),
        ("FLASK_SCALE_WORKER_QUEUES", "fast,,slow", "queue names"),
        ("FLASK_SCALE_JOB_HEARTBEAT_SECONDS", "20", "at most half of FLASK_SCALE_JOB_LEASE_SECONDS"),
        ("FLASK_SCALE_DRAIN_SECONDS", "inf", "finite number"),
        ("FLASK_SCALE_BROKER_URL", "redis://a/notanumber", "number of a database"),
        ("FLASK_SCALE_INTERNAL_BIND", "0.0.0.0:8000", "must differ"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it_and_the_remedy(name, value, says):
    with pytest.raises(SettingsError) as error:
        load_settings(environ={name: value})

    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_password_never_stands_in_an_error():
    with pytest.raises(SettingsError) as error:
        load_settings(environ={"FLASK_SCALE_DATABASE_URL": "mysql://app:hunter2@db/users"})

    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize("password", ["changeme", "CHANGE-ME", "password", "<secret>"])
@pytest.mark.parametrize("name", ["DATABASE_URL", "CACHE_URL", "BROKER_URL"])
def test_a_placeholder_password_is_refused(name, password):
    scheme = "postgresql" if name == "DATABASE_URL" else "redis"

    with pytest.raises(SettingsError, match="placeholder"):
        load_settings(environ={PREFIX + name: f"{scheme}://app:{password}@host/0"})


@given(st.sampled_from(sorted(Settings.model_fields)), st.text(st.characters(exclude_characters="\0"), max_size=30))
def test_any_text_is_either_taken_or_refused_with_the_settings_name(field, text):
    name = PREFIX + field.upper()

    try:
        load_settings(environ={name: text})
    except SettingsError as error:
        assert name in str(error) or field in str(error)  # noqa: PT017 - either way is right

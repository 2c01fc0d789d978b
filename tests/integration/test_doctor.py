"""Doctor against real servers: what is dangerous is found, what is well is said."""

from flask import Flask

from flask_scale import FlaskScale, doctor, migrate
from flask_scale.settings import Settings


def levels(settings, app=None):
    return {finding.subject: finding.level for finding in doctor.examine(settings, app)}


def test_a_system_in_order_shows_no_danger(migrated_database_url, cache_url, broker_url):
    settings = Settings(
        database_url=migrated_database_url,
        cache_url=cache_url,
        broker_url=broker_url,
        workers=1,
        cache_timeout_seconds=60,
    )

    assert set(levels(settings).values()) == {"ok"}


def test_a_schema_behind_the_code_is_a_danger_until_it_is_migrated(database_url):
    settings = Settings(database_url=database_url)
    assert levels(settings)["schema"] == "danger"

    migrate.upgrade(settings)

    assert "schema" not in levels(settings)


def test_more_connections_than_the_database_allows_are_a_danger(migrated_database_url):
    assert levels(Settings(database_url=migrated_database_url, workers=200))["connections"] == "danger"


def test_servers_that_do_not_answer_are_findings_not_errors():
    settings = Settings(
        database_url="postgresql://app@127.0.0.1:1/none",
        cache_url="redis://127.0.0.1:1",
        broker_url="redis://127.0.0.1:1",
    )

    found = levels(settings)

    assert found == {"database": "danger", "cache": "danger", "broker": "danger"}


def test_cache_and_broker_in_one_instance_are_a_danger(cache_url):
    found = [f for f in doctor.examine(Settings(cache_url=cache_url, broker_url=cache_url)) if f.level == "danger"]

    assert any("shares its instance" in finding.what for finding in found)
    assert any("evicts" in finding.what for finding in found)


def test_jobs_that_no_worker_handles_are_a_danger(migrated_database_url):
    scale = FlaskScale(settings=Settings(database_url=migrated_database_url))
    app = Flask(__name__)

    @scale.task()
    def forgotten(job):
        return None

    scale.init_app(app)
    with app.app_context():
        forgotten.delay()

    assert levels(scale._settings)["task forgotten"] == "danger"


def test_debug_mode_short_secrets_and_proxies_of_anyone_are_dangers_with_a_remedy():
    app = Flask(__name__)
    app.debug = True
    app.config["SECRET_KEY"] = "dev"
    FlaskScale(app, settings=Settings(forwarded_allow_ips="*", keepalive_seconds=5))

    found = list(doctor.examine(Settings(forwarded_allow_ips="*", keepalive_seconds=5), app))

    dangers = {finding.subject for finding in found if finding.level == "danger"}
    assert dangers == {"debug", "SECRET_KEY", "forwarded_allow_ips", "keepalive_seconds"}
    assert all(finding.remedy for finding in found if finding.level != "ok")


def test_what_is_not_set_is_missing_and_the_remedy_names_the_setting():
    found = {finding.subject: finding for finding in doctor.examine(Settings())}

    assert {subject for subject, finding in found.items() if finding.level == "missing"} == {
        "database",
        "cache",
        "broker",
    }
    assert found["database"].remedy.startswith("set FLASK_SCALE_DATABASE_URL=")

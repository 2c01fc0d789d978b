"""A database that takes its time, so that work lasts without a busy machine."""

from collections.abc import Iterator
from contextlib import contextmanager

from support.release import Release


@contextmanager
def taking_time(release: Release, seconds: float, *, over: int = 10) -> Iterator[None]:
    """Each step of an import takes so long beside its work while in it, where it brings more than `over` users.

    Those of the load bring fewer. With 0, likewise every new user.
    """
    release.sql(f"""
CREATE OR REPLACE FUNCTION take_time() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT count(*) FROM added) > {over} THEN PERFORM pg_sleep({seconds}); END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER take_time AFTER INSERT ON users REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION take_time();
""")
    try:
        yield
    finally:
        release.sql("DROP TRIGGER take_time ON users; DROP FUNCTION take_time;")

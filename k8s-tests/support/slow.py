"""A database that takes its time, so that work lasts without a busy machine."""


def slow_imports(seconds: float, *, over: int = 10) -> str:
    """SQL that makes each step of an import take so long beside its work, where it brings more than `over` users.

    Those of the load bring fewer.
    """
    return f"""
CREATE OR REPLACE FUNCTION take_time() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT count(*) FROM added) > {over} THEN PERFORM pg_sleep({seconds}); END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER take_time AFTER INSERT ON users REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION take_time();
"""


#: Each step of an import, and likewise every new user.
SLOW_IMPORTS = slow_imports(1)
SLOW_USERS = slow_imports(1, over=0)

#: Nothing any more.
USUAL = "DROP TRIGGER take_time ON users; DROP FUNCTION take_time;"

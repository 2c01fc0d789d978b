from alembic import command
from alembic.config import Config
from sqlalchemy import inspect

from flask_scale.migrate import pending
from flask_scale.settings import Settings
from services.domain.models import Base
from tests.support.directory import MIGRATIONS, Directory


def test_autogenerate_finds_nothing_to_add_to_the_migrations(directory: Directory):
    config = Config()
    config.set_main_option("script_location", MIGRATIONS)
    config.set_main_option("path_separator", "os")
    with directory.transaction() as session:
        config.attributes["connection"] = session.connection()
        command.check(config)


def test_every_index_of_the_models_is_in_the_database_with_its_columns(directory: Directory):
    with directory.transaction() as session:
        found = inspect(session.connection())
        for table in Base.metadata.sorted_tables:
            there = {index["name"]: index for index in found.get_indexes(table.name)}
            for index in table.indexes:
                assert there[index.name]["unique"] == index.unique
                columns = there[index.name].get("expressions") or there[index.name]["column_names"]
                assert len(columns) == len(index.expressions)


def test_a_migrated_database_has_nothing_pending(directory_database_url: str):
    assert pending(Settings(database_url=directory_database_url, migrations=MIGRATIONS)) == []

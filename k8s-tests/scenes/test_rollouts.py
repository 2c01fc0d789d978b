"""Whatever an operator does on purpose, no client notices."""

import itertools
import time
from collections.abc import Iterator
from typing import Any

import pytest

from support.cluster import CommandFailed
from support.release import Release, uids
from support.scene import CALM_SECONDS, FRESH, LONG, LONGEST_SECONDS, MIX, RATE, Play
from support.stage import drained, nodes_for_pods, nodes_of, pause, roll_out
from tests.load.plan import Plan

pytestmark = [pytest.mark.own_cluster, pytest.mark.timeout(7200)]

#: The long form: requests, rollouts, and seconds from one of them, or of the drains, to the next.
REQUESTS = 100_000
ROLLOUTS = 10
ROUND_SECONDS = 190

#: Requests a second beside many pods that start at once.
STARTS_RATE = 12

#: The directory's own file system is read-only: one more revision comes by a mounted file.
REVISION = '''"""A column that the version before does not know, added while it serves."""
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{head}"
branch_labels = depends_on = None


def upgrade():
    op.execute("SET lock_timeout = '2s'")
    op.add_column("users", sa.Column("nickname", sa.Text))


def downgrade():
    op.drop_column("users", "nickname")
'''


def test_rollouts_of_every_tier_and_a_drain_of_each_node(play: Play, stage: Release):
    """The long form: ten rollouts and two drains, spread over 100,000 requests."""
    plan = Plan.steady(RATE, REQUESTS / RATE, mix=MIX, fresh=FRESH) if LONG else None
    with play("rollouts and drains", plan) as scene:
        pause(CALM_SECONDS)
        turn = rounds()
        for number in range(1, ROLLOUTS + 1 if LONG else 2):
            next(turn)
            for component in ("api", "nginx", "worker"):
                scene.mark(f"{component} {number}")
                roll_out(stage, component)
                assert len(nodes_of(stage, component)) == 2, f"both pods of {component} share a node"
        for node in nodes_for_pods(stage):
            next(turn)
            scene.mark(f"drain {node}")
            with drained(stage, node):
                stage.until_ready("api", 2)
        pause(CALM_SECONDS)
        if LONG:
            scene.wait()
    scene.assert_nothing_failed()
    assert not LONG or scene.run.totals.offered == REQUESTS


def rounds() -> Iterator[None]:
    """Each step begins a round: in the long form, when its time has come."""
    begun = time.monotonic()
    for number in itertools.count():
        if LONG:
            pause(max(0.0, begun + number * ROUND_SECONDS - time.monotonic()))
        yield


def test_pods_that_come_and_go_by_hand(play: Play, stage: Release):
    """The long form: three times, at the short one's rate, since seven pods that start at once fill two cores."""
    stage.scale("deployment", "worker", 1)
    stage.until_ready("worker", 1)
    plan = Plan.steady(STARTS_RATE, LONGEST_SECONDS, mix=MIX, fresh=FRESH)
    with play("scaled by hand", plan) as scene:
        for _turn in range(3 if LONG else 1):
            for api, worker in ((6, 4), (2, 1)):
                pause(CALM_SECONDS)
                scene.mark(f"api {api}, worker {worker}")
                stage.scale("deployment", "api", api)
                stage.scale("deployment", "worker", worker)
                stage.until_ready("api", api)
                stage.until_ready("worker", worker)
        pause(CALM_SECONDS)
    scene.assert_nothing_failed()


@pytest.fixture
def bad_image(stage: Release) -> Iterator[dict[str, Any]]:
    """Values of an upgrade that cannot start; the release is as it was after."""
    yield {**stage.values, "api": {"image": {"tag": "none"}}}
    stage.upgrade()


def test_an_image_that_is_not_there_and_the_rollback(play: Play, stage: Release, bad_image: dict[str, Any]):
    serving = uids(stage.until_ready("api", 2))
    with play("bad image") as scene:
        pause(CALM_SECONDS)
        scene.mark("upgrade")
        with pytest.raises(CommandFailed):
            stage.upgrade(bad_image, timeout="15s")
        assert uids(stage.ready_pods("api")) == serving < uids(stage.pods("api"))
        scene.mark("rollback")
        stage.rollback()
        pause(CALM_SECONDS)
    scene.assert_nothing_failed()
    assert uids(stage.until_ready("api", 2)) == serving


@pytest.fixture
def one_more_revision(stage: Release) -> Iterator[dict[str, Any]]:
    """Values that bring a revision; the database is as it was after."""
    head = stage.sql("SELECT version_num FROM alembic_version")
    name, file = "more", "9999_nickname.py"
    stage.namespace.config_map(name, {file: REVISION.format(head=head)})
    path = f"/app/services/domain/migrations/versions/{file}"
    api = {
        "extraVolumes": [{"name": name, "configMap": {"name": name}}],
        "extraVolumeMounts": [{"name": name, "mountPath": path, "subPath": file}],
    }
    yield {**stage.values, "api": api}
    stage.upgrade()
    stage.sql("ALTER TABLE users DROP COLUMN IF EXISTS nickname")
    stage.sql(f"UPDATE alembic_version SET version_num = '{head}'")


def test_a_migration_and_the_rollback_of_what_needed_it(play: Play, stage: Release, one_more_revision: dict[str, Any]):
    with play("migration") as scene:
        pause(CALM_SECONDS)
        scene.mark("upgrade")
        stage.upgrade(one_more_revision)
        assert column(stage)
        scene.mark("rollback")
        stage.rollback()
        pause(CALM_SECONDS)
    scene.assert_nothing_failed()
    assert column(stage), "a rollback takes no schema back"


def column(stage: Release) -> bool:
    """Whether the revision's column is there."""
    return stage.sql("SELECT count(*) FROM information_schema.columns WHERE column_name = 'nickname'") == "1"

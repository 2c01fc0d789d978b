"""Rows of imports that add all users or none."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "import_held_rows",
        sa.Column("job_id", sa.Uuid, nullable=False),
        sa.Column("email", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("country", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True)),
        sa.Column("line", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("job_id", "email", name="pk_import_held_rows"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("import_held_rows")

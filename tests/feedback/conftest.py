"""Stores to test with: the same tests run on SQLite and on PostgreSQL."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.feedback.postgres import MISSING, Cluster, cluster, find_programs

from inkdigit.feedback import FeedbackStore

needs_postgres = pytest.mark.skipif(find_programs() is None and os.environ.get("CI") != "true", reason=MISSING)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    with cluster() as running:
        yield running


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=needs_postgres)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a store may be made."""
    if request.param == "sqlite":
        return str(tmp_path / "feedback.sqlite")
    server: Cluster = request.getfixturevalue("postgres")
    return server.empty()


@pytest.fixture
def store(database: str) -> Iterator[FeedbackStore]:
    with FeedbackStore.open(database) as opened:
        yield opened

"""Restore works under a role of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.integration.restoring import hooked, run
from tests.integration.sites import Site

ROLE = "arn:aws:iam::123456789012:role/restorer"


@contextmanager
def assumed() -> Iterator[list[str]]:
    """Note which roles are assumed."""
    roles: list[str] = []

    def note(params: dict[str, Any], model: Any, **_: object) -> None:  # noqa: ANN401 - botocore's operation model
        if model.name == "AssumeRole":
            roles.append(params["RoleArn"])

    with hooked("before-parameter-build", note):
        yield roles


def test_messages_are_put_back_by_the_restorer(purged_singly: Site) -> None:
    """The purger's role is not asked for: it need not be able to put."""
    site = purged_singly.with_settings(roles={"restorer": ROLE, "purger": ROLE.replace("restorer", "purger")})
    with assumed() as roles:
        assert run(site, "restore", "--module", "1", "--yes").code == 0
    assert set(roles) == {ROLE}
    assert site.left()

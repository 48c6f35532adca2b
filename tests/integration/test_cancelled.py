"""Prefect cancels a flow by a SIGTERM to its process: it ends in good order, as any run does."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.flows.scheduling.webhook import webhook
from tests.integration.flow import begun, filled
from tests.integration.items import by_key
from tests.integration.lake import messages_of
from tests.integration.sites import NewSite, Servers
from tests.integration.worlds import differences
from tests.servers import Server


def test_a_cancelled_flow_ends_in_good_order(moto_server: Server, new_site: NewSite, tmp_path: Path) -> None:
    """It says so, also to who is to be told; it is on record; and each message is at the table, or in the lake, or in both as it was."""
    site, source = filled(new_site(Servers(moto_server, moto_server, moto_server)))
    site = site.with_settings(run={"log": "json"}, limits={"streams": 1, "segments": 1})
    with webhook() as hook, begun(site, tmp_path, DYNALAKE_NOTIFY__WEBHOOK=hook.address) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "segment stored" in line:
                process.send_signal(signal.SIGTERM)
                break
        out, err = process.communicate()
        assert process.returncode == 7, err
        assert "SIGTERM was received" in err
    (told,) = hook.bodies
    assert f"of table {site.table} was stopped.\\nWhy: SIGTERM was received.\\n" in told
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"was received" in kept
    assert b"secret-token" not in kept + out.encode() + err.encode()
    archived = by_key(message for stored in site.lake.all("messages").values() for message in messages_of(stored))
    left = by_key(site.left())
    assert 0 < len(archived) < len(source)
    assert not differences(archived | left, by_key(source))
    assert not differences(left | archived, by_key(source))
    assert len(site.lake.keys("runs")) == 1

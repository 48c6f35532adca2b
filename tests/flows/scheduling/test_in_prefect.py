"""A real Prefect server with its pages, and a real browser: the guide's commands, the form, the hooks, and runs that overlap."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Page
from prefect.artifacts import Artifact
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.client.schemas.objects import FlowRun, State
from prefect.client.schemas.responses import DeploymentResponse
from prefect.concurrency.sync import concurrency
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Cancelling, Running

from archive.errors import InputError
from flows.archive_flows import backfill, nightly, run_flow
from flows.forms import BackfillForm, NightlyForm, RestoreForm
from flows.hooks import is_cancelling, on_cancellation
from flows.prefect_home import quiet_prefect
from flows.restore_flow import restore
from flows.turns import limit_name, one_run_of, turn
from tests.browsers import chromium
from tests.flows.scheduling.webhook import Webhook, webhook
from tests.integration.flow import MESSAGES, begun, filled
from tests.integration.items import by_key
from tests.integration.lake import messages_of
from tests.integration.sites import Servers, Site
from tests.integration.worlds import WINDOW, differences
from tests.servers import TABLE, Server, prefect

ROOT: Final = Path(__file__).resolve().parents[3]
TITLES: Final = ("Dry run", "From", "To", "Modules", "config")
ONE_AFTER_THE_OTHER: Final = """
import json, sys
from prefect.cli import app
for words in json.loads(sys.argv[1]):
    sys.argv = words
    try:
        app()
    except SystemExit as end:
        if end.code:
            raise
"""
pytestmark = [
    pytest.mark.prove,
    pytest.mark.xdist_group("scheduling"),
    # Prefect keeps its clients of a server for the next flow, and never closes them.
    pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A Prefect server with its pages."""
    with prefect(ui=True) as started:
        yield started


@pytest.fixture
def api(server: Server) -> Iterator[SyncPrefectClient]:
    """Its client; flows of this process run on that server meanwhile."""
    address = f"{server.endpoint}/api"
    with temporary_settings({PREFECT_API_URL: address}), SyncPrefectClient(address) as client:
        yield client


@pytest.fixture
def hook() -> Iterator[Webhook]:
    """A webhook on this machine."""
    with webhook() as made:
        yield made


@pytest.fixture
def site(moto_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hook: Webhook) -> Site:
    """A bucket, and settings; this process is pointed at them, and at the webhook."""
    servers = Servers(moto_server, moto_server, moto_server)
    for name, value in {**servers.environment(), "DYNALAKE_NOTIFY__WEBHOOK": hook.address}.items():
        monkeypatch.setenv(name, value)
    return Site.new(servers, tmp_path, table=f"Scheduled{tmp_path.name}")


@pytest.fixture(scope="module")
def deployed(server: Server, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The guide's commands for Prefect, as they stand there, but for those that start the server and a worker."""
    text = (ROOT / "docs" / "scheduling.md").read_text()
    commands = [line for line in text.splitlines() if re.match(r"prefect (?!worker |server )", line)]
    assert len(commands) == 4
    # In one process: to load Prefect takes longer than any of them.
    words = json.dumps([shlex.split(command) for command in commands])
    environment = {**os.environ, "PREFECT_API_URL": f"{server.endpoint}/api", "PREFECT_HOME": str(tmp_path_factory.mktemp("home"))}
    done = subprocess.run(
        [sys.executable, "-c", ONE_AFTER_THE_OTHER, words], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.usefixtures("deployed")
def test_the_guide_deploys_everything(api: SyncPrefectClient) -> None:
    """Five deployments of the table, a night that is due, and one run at a time."""
    found = {str(run.name): run for run in api.read_deployments()}
    assert set(found) == {TABLE}
    flows = {api.read_flow(run.flow_id).name for run in api.read_deployments()}
    assert flows == {"nightly", "backfill", "purge", "restore", "sweep"}
    night = api.read_deployment_by_name(f"nightly/{TABLE}")
    assert [schedule.schedule.model_dump()["cron"] for schedule in night.schedules] == ["0 3 * * *"]
    assert api.read_global_concurrency_limit_by_name(limit_name(TABLE)).limit == 1


@pytest.mark.usefixtures("deployed")
def test_nights_are_scheduled(api: SyncPrefectClient) -> None:
    """As the server's scheduler does it every minute: with SQLAlchemy 2.1 it fails, in the server's log alone, and no night ever begins."""
    night = api.read_deployment_by_name(f"nightly/{TABLE}")
    api.request("POST", "/deployments/{id}/schedule", path_params={"id": night.id})
    runs = _runs_of(api, night)
    assert {run.state_name for run in runs} == {"Scheduled"}
    assert {f"{run.expected_start_time:%H:%M%z}" for run in runs} == {"03:00+0000"}


def _runs_of(api: SyncPrefectClient, deployment: DeploymentResponse) -> list[FlowRun]:
    return api.read_flow_runs(deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment.id])))


def _fill(shown: Page, days: tuple[str, str], module: str) -> None:
    """Fill the form in and submit it, as somebody does."""
    for day in days:  # the one that is filled in has another text then
        shown.get_by_text("Select date and time").first.click()
        shown.locator("input[type=date]").fill(day)
        shown.locator("input[type=time]").fill("00:00")
        shown.get_by_role("button", name="Apply").click()
        shown.get_by_text(f"{day}T00:00:00Z", exact=True).wait_for()
    shown.get_by_text("Add item").click()
    shown.locator(".p-draggable-list textarea").fill(module)
    shown.locator("label", has_text="Dry run").locator("xpath=../..").locator("input[type=checkbox]").locator("xpath=..").click()
    with shown.expect_response("**/create_flow_run") as answer:
        shown.get_by_role("button", name="Submit").click()
    assert answer.value.status == HTTPStatus.CREATED, answer.value.text()


@pytest.mark.usefixtures("deployed")
def test_a_backfill_is_asked_for_in_a_browser(api: SyncPrefectClient, server: Server, site: Site) -> None:
    """The form shows fields by their titles; what is typed arrives typed, and a dry run of it shows a plan and changes nothing."""
    site, _ = filled(site)
    deployment = api.read_deployment_by_name(f"backfill/{TABLE}")
    with chromium() as browser:
        shown = browser.new_page(viewport={"width": 1400, "height": 1600}, timezone_id="UTC", locale="en-GB")
        shown.goto(f"{server.endpoint}/deployments/deployment/{deployment.id}/run")
        for title in TITLES:
            shown.get_by_text(re.compile(rf"^{title}( \(Optional\))?$")).first.wait_for()
        _fill(shown, ("2024-01-01", "2025-01-01"), "205")
        first, run = sorted(_runs_of(api, deployment), key=lambda run: str(run.created))
    assert backfill.validate_parameters(first.parameters)["request"] == BackfillForm(
        start=datetime(2024, 1, 1, tzinfo=UTC), end=datetime(2024, 2, 1, tzinfo=UTC), modules=("205",), dry_run=True
    ), "the guide's own command"
    parameters = backfill.validate_parameters({**run.parameters, "config": str(site.config())})
    asked = BackfillForm(start=datetime(2024, 1, 1, tzinfo=UTC), end=datetime(2025, 1, 1, tzinfo=UTC), modules=("205",), dry_run=True)
    assert parameters["request"] == asked
    with quiet_prefect():
        state: Any = backfill(**parameters, return_state=True)
    assert (state.type.value, state.name) == ("COMPLETED", "Planned")
    artifact: Any = Artifact.get("dynalake-backfill-plan")
    assert "# Plan: backfill, 2024-" in str(artifact.data)
    assert (site.lake.versions(), len(site.left())) == ([], MESSAGES)


@pytest.mark.usefixtures("api")
def test_a_restore_is_a_flow(site: Site) -> None:
    """What was purged comes back, exactly; a dry run of it changes nothing."""
    site, source = filled(site)
    site.with_settings(run={"prefect": False}).run("backfill", *WINDOW, "--yes").done()
    assert site.left() == []
    for form, name, left in (
        (RestoreForm(start=datetime(2023, 1, 1, tzinfo=UTC), dry_run=True), "Planned", []),
        (RestoreForm(start=datetime(2023, 1, 1, tzinfo=UTC)), "Completed", source),
    ):
        with quiet_prefect():
            state: Any = restore(form, str(site.config()), return_state=True)
        assert state.name == name, state.message
        assert not differences(by_key(site.left()), by_key(left))


@pytest.mark.usefixtures("api")
def test_a_flow_that_fails_tells_it_once(site: Site, hook: Webhook) -> None:
    """By its hook: with the sentence that says what to do, and no more."""
    config = site.with_settings(run={"prefect": True}).config()
    with pytest.raises(InputError, match="does not exist in this account"):
        run_flow(NightlyForm(), config)
    (told,) = hook.bodies
    assert f"of table {site.table} failed.\\nWhy: table {site.table} does not exist in this account and region" in told


@pytest.mark.parametrize("state", [Running(), Cancelling()], ids=lambda state: state.name)
def test_a_cancelled_flow_tells_it_once(api: SyncPrefectClient, site: Site, hook: Webhook, state: State[Any]) -> None:
    """By its hook, which a worker calls in a process of its own; so a run that is stopped by being cancelled tells nothing itself."""
    parameters = {"request": NightlyForm(), "config": str(site.config())}
    run = api.create_flow_run(nightly, parameters=parameters, name="amber-otter")
    api.set_flow_run_state(run.id, state, force=True)
    assert is_cancelling(run.id) == state.is_cancelling()
    on_cancellation(flow=nightly, flow_run=run, state=Cancelling())  # by name, as a worker passes them
    (told,) = hook.bodies
    assert f"Dynalake: nightly of table {site.table} was cancelled.\\nWhy: it was cancelled in Prefect.\\n" in told


def test_a_table_has_one_turn(api: SyncPrefectClient, site: Site) -> None:
    """It is taken while a run goes on, and free afterwards; where nobody made a limit, nothing waits."""
    with turn(f"{site.table}-without"):
        pass
    one_run_of(site.table)
    with turn(site.table):
        assert api.read_global_concurrency_limit_by_name(limit_name(site.table)).active_slots == 1
        with pytest.raises(TimeoutError), concurrency(limit_name(site.table), timeout_seconds=1):
            pass
    assert api.read_global_concurrency_limit_by_name(limit_name(site.table)).active_slots == 0


def test_two_flows_at_once_end_as_one_would(server: Server, site: Site) -> None:
    """They overlap, for nobody made a limit: every message is in the lake, once and exactly, and none at the table."""
    site, source = filled(site)
    address = f"{server.endpoint}/api"
    homes = [site.folder / name for name in ("one", "other")]
    with begun(site, homes[0], PREFECT_API_URL=address) as one, begun(site, homes[1], PREFECT_API_URL=address) as other:
        ends = [(each, *each.communicate(timeout=300)) for each in (one, other)]
    records = [json.loads(out) for each, out, err in ends if each.returncode == 0]
    assert [err[-2000:] for each, _, err in ends if each.returncode not in (0, 5)] == []
    assert records
    found = by_key(message for stored in site.lake.all("messages").values() for message in messages_of(stored))
    assert not differences(found, by_key(source))
    assert site.left() == []
    assert sum(record["messages_removed"] for record in records) <= MESSAGES

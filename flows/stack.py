"""The CloudFormation stack of deploy/dynalake.yaml: proposes what would change, and carries it out once that is agreed to.

Every call may be repeated: a change set that was not carried out is removed, and one without changes ends at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from archive.aws import error_code, translated
from archive.errors import InputError, RefusedError, ServiceError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

TEMPLATE: Final = Path(__file__).resolve().parent.parent / "deploy" / "dynalake.yaml"
_PAUSE: Final = 3.0
_NEW: Final = "REVIEW_IN_PROGRESS"
_READY: Final = frozenset(
    {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"},
)
_DONE: Final = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"})
_NOTHING: Final = ("didn't contain changes", "No updates are to be performed")
_ACTIONS: Final = {"Add": "add", "Remove": "remove", "Import": "import", "Dynamic": "may change"}
_REPLACES: Final = {"True": "replace", "Conditional": "may replace"}


def template() -> str:
    """Return the template as it is sent: without the lines that only people read, for CloudFormation takes 51,200 bytes with a call."""
    lines = TEMPLATE.read_text(encoding="utf-8").splitlines()
    return "".join(f"{line}\n" for line in lines if line.strip() and not line.lstrip().startswith("#"))


@dataclass(frozen=True, slots=True)
class Change:
    """One resource of a change set: what happens to it (add, change, replace, may replace, remove, import), and to what of it.

    `kept` says that AWS keeps the old resource itself: a stack never takes the lake's bucket away.
    """

    action: str
    name: str
    kind: str
    id: str
    properties: tuple[str, ...]
    kept: bool

    @classmethod
    def of(cls, change: Mapping[str, Any]) -> Change:
        """Read one ResourceChange."""
        action = change["Action"]
        named = _REPLACES.get(change.get("Replacement", ""), "change") if action == "Modify" else _ACTIONS.get(action, action.lower())
        targets = (detail.get("Target", {}) for detail in change.get("Details", ()))
        properties = {str(target.get("Name") or target.get("Attribute", "")) for target in targets} - {""}
        return cls(
            named,
            change["LogicalResourceId"],
            change["ResourceType"],
            change.get("PhysicalResourceId", ""),
            tuple(sorted(properties)),
            "Retain" in change.get("PolicyAction", ""),
        )


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change set that waits to be carried out; `is_new` says that it began its stack, `id` is empty where nothing differs.

    Without changes, outputs alone differ, or what a resource is left with when the stack goes.
    """

    id: str
    stack: str
    is_new: bool
    changes: tuple[Change, ...]

    @property
    def is_nothing(self) -> bool:
        """Say whether there is nothing to carry out."""
        return not self.id


@dataclass(frozen=True, slots=True)
class Found:
    """A stack that is there and can be changed: its id, parameters, and the physical id of each of its resources."""

    id: str
    parameters: Mapping[str, str]
    resources: Mapping[str, str]
    outputs: Mapping[str, str]


class Stack:
    """One stack by its name. `told` hears a line for each resource that is made, changed or removed; `sleep` takes seconds."""

    def __init__(self, client: CloudFormationClient, name: str, sleep: Callable[[float], None], told: Callable[[str], None]) -> None:
        """Nothing is asked yet."""
        self._client, self.name, self._sleep, self._told = client, name, sleep, told

    def find(self) -> Found | None:
        """Return the stack, or None where there is none yet. Raises RefusedError where it is in a state that nobody can change."""
        there = self._described(self.name)
        if there is None or there["StackStatus"] == _NEW:
            return None
        state = there["StackStatus"]
        if state not in _READY:
            raise RefusedError(self._why_not(state))
        with translated("cloudformation:ListStackResources", f"stack {self.name}"):
            pages = self._client.get_paginator("list_stack_resources").paginate(StackName=self.name)
            resources = [one for page in pages for one in page["StackResourceSummaries"]]
        return Found(
            there.get("StackId", self.name),
            {one["ParameterKey"]: one["ParameterValue"] for one in there.get("Parameters", ())},
            {one["LogicalResourceId"]: one.get("PhysicalResourceId", "") for one in resources},
            _outputs(there),
        )

    def parameters(self, text: str) -> dict[str, str | None]:
        """Return a template's parameters with their defaults; CloudFormation reads it. Raises InputError where it cannot."""
        with _asking("cloudformation:GetTemplateSummary", self.name):
            summary = self._client.get_template_summary(TemplateBody=text)
        return {one["ParameterKey"]: one.get("DefaultValue") for one in summary.get("Parameters", ())}

    def propose(self, text: str, parameters: Mapping[str, str], now: datetime) -> Proposal:
        """Make a change set, wait until CloudFormation has worked out what it would change, and return that; nothing is changed yet.

        Raises InputError where CloudFormation refuses the template or a parameter.
        """
        there = self._described(self.name)
        creates = there is None or there["StackStatus"] == _NEW
        options: Any = {"OnStackFailure": "DELETE"} if creates else {}
        try:
            with _asking("cloudformation:CreateChangeSet", self.name):
                made = self._client.create_change_set(
                    StackName=self.name,
                    ChangeSetName=f"dynalake-{now:%Y%m%dT%H%M%S%f}",
                    ChangeSetType="CREATE" if creates else "UPDATE",
                    TemplateBody=text,
                    Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
                    Capabilities=["CAPABILITY_NAMED_IAM"],
                    Description="dynalake setup",
                    **options,
                )
        except InputError as refused:
            if there is not None and _is_nothing(str(refused)):
                return Proposal("", there.get("StackId", self.name), is_new=False, changes=())
            raise
        proposal = Proposal(made["Id"], made["StackId"], there is None, ())
        try:
            changes = self._worked_out(proposal)
        except BaseException:
            self.discard(proposal)
            raise
        if changes is None:
            self.discard(proposal)
            return replace(proposal, id="")
        return replace(proposal, changes=changes)

    def _worked_out(self, proposal: Proposal) -> tuple[Change, ...] | None:
        """Wait for a change set, and return its changes; None where nothing differs."""
        while True:
            answer = self._change_set(proposal, None)
            state, reason = answer["Status"], answer.get("StatusReason", "no reason given")
            if state == "FAILED" and _is_nothing(reason):
                return None
            if state == "FAILED":
                message = f"CloudFormation refused the change of stack {self.name}: {reason}"
                raise InputError(message)
            if state == "CREATE_COMPLETE":
                break
            self._sleep(_PAUSE)
        changes = list(answer.get("Changes", ()))
        while token := answer.get("NextToken"):
            answer = self._change_set(proposal, token)
            changes += answer.get("Changes", ())
        return tuple(Change.of(change["ResourceChange"]) for change in changes if "ResourceChange" in change)

    def _change_set(self, proposal: Proposal, token: str | None) -> Any:  # noqa: ANN401 - botocore's answer
        more: Any = {"NextToken": token} if token else {}
        with translated("cloudformation:DescribeChangeSet", f"stack {self.name}"):
            return self._client.describe_change_set(ChangeSetName=proposal.id, StackName=proposal.stack, **more)

    def discard(self, proposal: Proposal) -> None:
        """Remove a change set that is not to be carried out, and the empty stack that it began."""
        if proposal.is_new:
            with translated("cloudformation:DeleteStack", f"stack {self.name}"):
                self._client.delete_stack(StackName=proposal.stack)
        elif proposal.id:
            with translated("cloudformation:DeleteChangeSet", f"stack {self.name}"):
                self._client.delete_change_set(ChangeSetName=proposal.id, StackName=proposal.stack)

    def carry_out(self, proposal: Proposal) -> Mapping[str, str]:
        """Carry a change set out, wait for its end, and return the stack's outputs.

        Raises ServiceError with the first resource's reason where it failed: then CloudFormation has taken back what it did.
        """
        seen = {event["EventId"] for event in self._events(proposal.stack)}
        with _asking("cloudformation:ExecuteChangeSet", self.name):
            self._client.execute_change_set(ChangeSetName=proposal.id, StackName=proposal.stack)
        reason = ""
        while True:
            there = self._described(proposal.stack)
            for event in reversed(self._events(proposal.stack)):
                if event["EventId"] not in seen:
                    seen.add(event["EventId"])
                    reason = reason or _failure(event)
                    self._told(_line(event))
            state = "DELETE_COMPLETE" if there is None else there["StackStatus"]
            if there is not None and state in _DONE:
                return _outputs(there)
            if not state.endswith("_IN_PROGRESS"):
                message = f"stack {self.name} was not changed, and what was begun was taken back ({state}): {reason or 'no reason given'}"
                raise ServiceError(message)
            self._sleep(_PAUSE)

    def _described(self, name: str) -> StackTypeDef | None:
        with translated("cloudformation:DescribeStacks", f"stack {self.name}"):
            try:
                return self._client.describe_stacks(StackName=name)["Stacks"][0]
            except ClientError as error:
                if error_code(error) == "ValidationError" and "does not exist" in str(error):
                    return None
                raise

    def _events(self, stack: str) -> list[Any]:
        """Return the stack's latest events, newest first."""
        with translated("cloudformation:DescribeStackEvents", f"stack {self.name}"):
            return list(self._client.describe_stack_events(StackName=stack).get("StackEvents", ()))

    def _why_not(self, state: str) -> str:
        if state.endswith("_IN_PROGRESS"):
            return f"stack {self.name} is being changed by somebody else ({state}); set up again when that is done"
        if state in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"):
            return (
                f"stack {self.name} was never made, or not wholly removed ({state}), and cannot be changed; remove it "
                f"(aws cloudformation delete-stack --stack-name {self.name}), then set up again"
            )
        return (
            f"stack {self.name} is in state {state}, in which it cannot be changed; bring it back "
            f"(aws cloudformation continue-update-rollback --stack-name {self.name}), then set up again"
        )


@contextmanager
def _asking(operation: str, stack: str) -> Iterator[None]:
    """Translate what CloudFormation says of a template or a parameter into InputError: it says it well."""
    with translated(operation, f"stack {stack}"):
        try:
            yield
        except ClientError as error:
            if error_code(error) != "ValidationError":
                raise
            message = f"CloudFormation refused it: {error.response['Error'].get('Message', 'no reason given')}"
            raise InputError(message) from error


def _is_nothing(reason: str) -> bool:
    return any(text in reason for text in _NOTHING)


def _outputs(there: StackTypeDef) -> dict[str, str]:
    return {one["OutputKey"]: one["OutputValue"] for one in there.get("Outputs", ())}


def _line(event: Mapping[str, Any]) -> str:
    reason = event.get("ResourceStatusReason", "")
    state = event["ResourceStatus"].replace("_", " ").lower()
    return f"{event['LogicalResourceId']} ({event['ResourceType']}): {state}{f', {reason}' if reason else ''}"


def _failure(event: Mapping[str, Any]) -> str:
    """Return why a resource failed; what was only cancelled since is not the reason."""
    reason = event.get("ResourceStatusReason", "")
    if not event["ResourceStatus"].endswith("FAILED") or "cancelled" in reason:
        return ""
    return f"{event['LogicalResourceId']}: {reason or 'no reason given'}"

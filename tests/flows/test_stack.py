"""Setting the stack up: what CloudFormation answers, stubbed where moto does not answer it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import boto3
import pytest
from botocore.config import Config
from botocore.stub import ANY, Stubber

from archive.errors import InputError, NotPermittedError, RefusedError, ServiceError
from flows.stack import Change, Found, Proposal, Stack
from flows.stack_inputs import given, merged
from tests.archive.engine.workplace import one_loader

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

NOW: Final = datetime(2024, 6, 1, 3, tzinfo=UTC)
ID: Final = "arn:aws:cloudformation:us-east-1:123456789012:stack/lake/1"
SET: Final = "arn:aws:cloudformation:us-east-1:123456789012:changeSet/dynalake/1"
ABSENT: Final = ("ValidationError", "Stack with id lake does not exist")


class Cloud:
    """A stubbed CloudFormation, and the stack that is set up with it. `told` and `slept` are what it told, and how long it slept."""

    def __init__(self) -> None:
        """Answer nothing yet."""
        client: CloudFormationClient = boto3.client(
            "cloudformation", region_name="us-east-1", config=Config(retries={"total_max_attempts": 1})
        )
        self.stub = Stubber(client)
        self.told: list[str] = []
        self.slept: list[float] = []
        self.stack = Stack(client, "lake", self.slept.append, self.told.append)

    def answers(self, operation: str, answer: dict[str, Any], **expected: Any) -> None:  # noqa: ANN401 - parameters of a call
        """Answer the next call."""
        self.stub.add_response(operation, answer, expected or None)

    def refuses(self, operation: str, code: str, said: str, status: int = 400) -> None:
        """Refuse the next call."""
        self.stub.add_client_error(operation, code, said, status)

    def is_in(self, state: str, **more: Any) -> None:  # noqa: ANN401 - parts of the answer
        """Say which state the stack is in."""
        there = {"StackName": "lake", "StackId": ID, "CreationTime": NOW, "StackStatus": state, **more}
        self.answers("describe_stacks", {"Stacks": [there]})

    def happened(self, *events: tuple[str, str, str]) -> None:
        """Tell events, the oldest first: a resource, its state, the reason."""
        found = [
            {
                "StackId": ID,
                "EventId": f"{number}",
                "StackName": "lake",
                "Timestamp": NOW,
                "LogicalResourceId": name,
                "ResourceType": "AWS::S3::Bucket",
                "ResourceStatus": state,
                "ResourceStatusReason": reason,
            }
            for number, (name, state, reason) in enumerate(events)
        ]
        self.answers("describe_stack_events", {"StackEvents": found[::-1]})


@pytest.fixture(scope="module", autouse=True)
def _fast() -> Iterator[None]:
    with one_loader():
        yield


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    """Every answer is asked for."""
    found = Cloud()
    with found.stub:
        yield found
        found.stub.assert_no_pending_responses()


def changed(**more: Any) -> dict[str, Any]:  # noqa: ANN401 - parts of a change
    """Return a change as CloudFormation tells it."""
    one = {"Action": "Modify", "LogicalResourceId": "LakeStore", "ResourceType": "AWS::S3::Bucket", "PhysicalResourceId": "my-lake", **more}
    return {"Type": "Resource", "ResourceChange": one}


MODIFIED: Final = [
    {"Target": {"Attribute": "Properties", "Name": "VersioningConfiguration"}},
    {"Target": {"Attribute": "Properties", "Name": "BucketName"}},
    {"Target": {"Attribute": "Tags"}},
]


@pytest.mark.parametrize(
    ("told", "action"),
    [
        ({"Action": "Add"}, "add"),
        ({"Action": "Remove", "PolicyAction": "Retain"}, "remove"),
        ({"Action": "Import"}, "import"),
        ({"Action": "Dynamic"}, "may change"),
        ({"Replacement": "False"}, "change"),
        ({"Replacement": "True", "PolicyAction": "ReplaceAndRetain"}, "replace"),
        ({"Replacement": "Conditional", "PolicyAction": "ReplaceAndDelete"}, "may replace"),
    ],
)
def test_a_change_says_what_happens_to_the_resource(told: dict[str, Any], action: str) -> None:
    """Added, changed, replaced, removed; what is kept all the same; and which properties."""
    change = Change.of(changed(Details=MODIFIED, **told)["ResourceChange"])
    assert (change.action, change.name, change.id) == (action, "LakeStore", "my-lake")
    assert change.properties == ("BucketName", "Tags", "VersioningConfiguration")
    assert change.kept == ("Retain" in told.get("PolicyAction", ""))


def test_no_stack_is_no_stack(cloud: Cloud) -> None:
    """One that was begun by a change set that nobody carried out is none either."""
    cloud.refuses("describe_stacks", *ABSENT)
    assert cloud.stack.find() is None
    cloud.is_in("REVIEW_IN_PROGRESS")
    assert cloud.stack.find() is None


def test_a_stack_that_is_there(cloud: Cloud) -> None:
    """Its parameters, its resources, its outputs."""
    parameters, outputs = [{"ParameterKey": "ResultsDays", "ParameterValue": "3"}], [{"OutputKey": "A", "OutputValue": "a"}]
    cloud.is_in("UPDATE_ROLLBACK_COMPLETE", Parameters=parameters, Outputs=outputs)
    for page, (name, id_) in enumerate([("LakeStore", "my-lake"), ("LakeDatabase", "chats")]):
        one = {"LogicalResourceId": name, "PhysicalResourceId": id_, "ResourceType": "T", "LastUpdatedTimestamp": NOW}
        more = {} if page else {"NextToken": "more"}
        cloud.answers("list_stack_resources", {"StackResourceSummaries": [{**one, "ResourceStatus": "CREATE_COMPLETE"}], **more})
    resources = {"LakeStore": "my-lake", "LakeDatabase": "chats"}
    assert cloud.stack.find() == Found(ID, {"ResultsDays": "3"}, resources, {"A": "a"})


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("ROLLBACK_COMPLETE", "was never made, or not .* .ROLLBACK_COMPLETE., and cannot be changed; remove it .*--stack-name lake"),
        ("DELETE_FAILED", "was never made, or not wholly removed"),
        ("UPDATE_IN_PROGRESS", "is being changed by somebody else"),
        ("UPDATE_ROLLBACK_FAILED", "continue-update-rollback --stack-name lake"),
    ],
)
def test_a_stack_that_cannot_be_changed(cloud: Cloud, state: str, said: str) -> None:
    """It is refused with what to do."""
    cloud.is_in(state)
    with pytest.raises(RefusedError, match=said):
        cloud.stack.find()


def test_looking_may_be_forbidden(cloud: Cloud) -> None:
    """That is not taken for a stack that is not there."""
    cloud.refuses("describe_stacks", "AccessDenied", "User is not authorized", 403)
    with pytest.raises(NotPermittedError, match="cloudformation:DescribeStacks on stack lake"):
        cloud.stack.find()


def proposed(cloud: Cloud, *answers: dict[str, Any], new: bool = False) -> Callable[[], Proposal]:
    """Let a change set be made and described; the call still has to be made."""
    if new:
        cloud.refuses("describe_stacks", *ABSENT)
    else:
        cloud.is_in("CREATE_COMPLETE")
    cloud.answers(
        "create_change_set",
        {"Id": SET, "StackId": ID},
        StackName="lake",
        ChangeSetName="dynalake-20240601T030000000000",
        ChangeSetType="CREATE" if new else "UPDATE",
        TemplateBody="template",
        Parameters=[{"ParameterKey": "ResultsDays", "ParameterValue": "3"}],
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Description=ANY,
        **({"OnStackFailure": "DELETE"} if new else {}),
    )
    for answer in answers:
        cloud.answers("describe_change_set", answer)
    return lambda: cloud.stack.propose("template", {"ResultsDays": "3"}, NOW)


def test_a_change_set_is_awaited_and_read_to_its_end(cloud: Cloud) -> None:
    """It takes a while, and may have several pages."""
    propose = proposed(
        cloud,
        {"Status": "CREATE_PENDING"},
        {"Status": "CREATE_IN_PROGRESS"},
        {"Status": "CREATE_COMPLETE", "Changes": [changed(Action="Add")], "NextToken": "more"},
        {"Status": "CREATE_COMPLETE", "Changes": [changed(Action="Remove")]},
        new=True,
    )
    proposal = propose()
    assert (proposal.id, proposal.stack, proposal.is_new) == (SET, ID, True)
    assert [change.action for change in proposal.changes] == ["add", "remove"]
    assert len(cloud.slept) == 2


@pytest.mark.parametrize(
    "reason", ["The submitted information didn't contain changes. Submit different information.", "No updates are to be performed."]
)
def test_where_nothing_differs_the_change_set_goes(cloud: Cloud, reason: str) -> None:
    """CloudFormation calls it a failure; it is none."""
    propose = proposed(cloud, {"Status": "FAILED", "StatusReason": reason})
    cloud.answers("delete_change_set", {}, ChangeSetName=SET, StackName=ID)
    assert propose().is_nothing


def test_outputs_alone_may_differ(cloud: Cloud) -> None:
    """There is something to carry out then, although no resource changes."""
    proposal = proposed(cloud, {"Status": "CREATE_COMPLETE", "Changes": []})()
    assert (proposal.is_nothing, proposal.changes) == (False, ())


def test_a_change_set_that_is_refused_goes_with_the_stack_that_it_began(cloud: Cloud) -> None:
    """The reason is CloudFormation's."""
    propose = proposed(cloud, {"Status": "FAILED", "StatusReason": "Template constraint: no"}, new=True)
    cloud.answers("delete_stack", {}, StackName=ID)
    with pytest.raises(InputError, match="CloudFormation refused the change of stack lake: Template constraint: no"):
        propose()


def test_a_parameter_that_is_refused(cloud: Cloud) -> None:
    """Nothing was made then."""
    cloud.refuses("describe_stacks", *ABSENT)
    cloud.refuses("create_change_set", "ValidationError", "Parameter 'ResultsDays' must be a number not less than 1")
    with pytest.raises(InputError, match="CloudFormation refused it: Parameter 'ResultsDays' must be a number not less than 1"):
        cloud.stack.propose("template", {}, NOW)


PROPOSAL: Final = Proposal(SET, ID, is_new=False, changes=())


def test_what_was_begun_before_is_not_removed(cloud: Cloud) -> None:
    """Of a stack that was there, only the change set goes."""
    cloud.answers("delete_change_set", {}, ChangeSetName=SET, StackName=ID)
    cloud.stack.discard(PROPOSAL)


def test_carrying_out_tells_each_event_once_and_returns_the_outputs(cloud: Cloud) -> None:
    """What had happened before is not told."""
    before, made, done = ("Old", "CREATE_COMPLETE", ""), ("LakeStore", "CREATE_COMPLETE", ""), ("lake", "UPDATE_COMPLETE", "well done")
    cloud.happened(before)
    cloud.answers("execute_change_set", {}, ChangeSetName=SET, StackName=ID)
    cloud.is_in("UPDATE_IN_PROGRESS")
    cloud.happened(before, made)
    cloud.is_in("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", Outputs=[{"OutputKey": "A", "OutputValue": "a"}])
    cloud.happened(before, made, done)
    assert cloud.stack.carry_out(PROPOSAL) == {"A": "a"}
    assert cloud.told == [
        "LakeStore (AWS::S3::Bucket): create complete",
        "lake (AWS::S3::Bucket): update complete, well done",
    ]
    assert len(cloud.slept) == 1


@pytest.mark.parametrize("state", ["UPDATE_ROLLBACK_COMPLETE", "ROLLBACK_COMPLETE", "DELETE_COMPLETE", "UPDATE_ROLLBACK_FAILED"])
def test_a_change_that_fails_says_why(cloud: Cloud, state: str) -> None:
    """The first failure's reason; not that of what was cancelled for it."""
    cloud.happened()
    cloud.answers("execute_change_set", {})
    cloud.is_in(state)
    cloud.happened(
        ("LakeDatabase", "CREATE_FAILED", "Resource creation cancelled"),
        ("LakeStore", "CREATE_FAILED", "my-lake already exists"),
        ("ResultsStore", "CREATE_FAILED", "something that came of it"),
    )
    with pytest.raises(ServiceError, match=rf"stack lake was not changed.*\({state}\): LakeStore: my-lake already exists$"):
        cloud.stack.carry_out(PROPOSAL)


def test_a_stack_that_is_gone_afterwards_failed(cloud: Cloud) -> None:
    """A creation that fails takes its stack with it."""
    cloud.happened()
    cloud.answers("execute_change_set", {})
    cloud.refuses("describe_stacks", *ABSENT)
    cloud.happened(("LakeStore", "CREATE_FAILED", "no"))
    with pytest.raises(ServiceError, match=r"\(DELETE_COMPLETE\): LakeStore: no"):
        cloud.stack.carry_out(PROPOSAL)


def test_parameters_are_kept_said_and_given() -> None:
    """What the stack had stays; what the settings say and what is given now goes over it; defaults need not be said."""
    there = Found(ID, {"ResultsDays": "3", "OldVersionsDays": "90", "LakeBucket": "old", "Gone": "1"}, {}, {})
    names = {"ResultsDays": "30", "TransitionClass": "NONE", "LakeBucket": None, "New": "1", "OldVersionsDays": "90"}
    assert merged(names, there, {"LakeBucket": "my-lake"}, given(["TransitionClass=GLACIER_IR"])) == {
        "ResultsDays": "3",
        "TransitionClass": "GLACIER_IR",
        "LakeBucket": "my-lake",
    }
    assert merged(names, None, {"LakeBucket": "my-lake"}, {}) == {"LakeBucket": "my-lake"}
    assert given(["OperatorPrincipals=arn:a,arn:b=c"]) == {"OperatorPrincipals": "arn:a,arn:b=c"}

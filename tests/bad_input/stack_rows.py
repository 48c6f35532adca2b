"""Rows of docs/errors.md: setting up the stack."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from tests.answering import answer
from tests.bad_input.injected import Meanwhile, refused
from tests.bad_input.row import Row, settings
from tests.integration.restoring import hooked

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest, AWSResponse

_OWN: Final = settings(athena={"workgroup": "dynalake"})
_THERE: Final = ("--parameter", "LakeBucketExists=true")
_DENIED: Final = refused("DescribeStacks", "AccessDenied", 403)


def _in_state(state: str) -> Meanwhile:
    """Return what lets the stack be in a state."""
    stack = f"<StackName>dynalake</StackName><StackStatus>{state}</StackStatus><CreationTime>2024-06-01T00:00:00Z</CreationTime>"
    body = f"<DescribeStacksResponse><DescribeStacksResult><Stacks><member>{stack}</member></Stacks></DescribeStacksResult></DescribeStacksResponse>"

    @contextmanager
    def meanwhile() -> Iterator[None]:
        def told(request: AWSPreparedRequest, **_: Any) -> AWSResponse:  # noqa: ANN401 - botocore's own
            return answer(request, 200, body.encode(), {"content-type": "text/xml"})

        with hooked("before-send.cloudformation.DescribeStacks", told):
            yield

    return meanwhile


def _row(what: str, said: str, *words: str, code: int = 2, meanwhile: Meanwhile | None = None) -> Row:
    more: Any = {"meanwhile": meanwhile} if meanwhile else {}
    return Row(what, ("setup", "stack", *words), said, code, _OWN, **more)


STACK: Final = [
    Row("a workgroup that every account has", ("setup",), "[athena] workgroup is 'primary', which every account has and no stack can make; set another name, such as 'dynalake', and leave [athena] output out: the stack's workgroup says where results go", 2),
    _row("a bucket that is there and is not the stack's", "bucket … is there already and is not the stack's; give --parameter LakeBucketExists=true to use it and leave it as it is, name another [lake] bucket, or import it into the stack (docs/deploy.md)", "--yes", code=3),
    _row("no `--yes`, and no terminal to ask on", "nothing was done: the changes were not agreed to", *_THERE, code=3),
    _row("a name that no stack can have", "--stack 'my_lake' is not a stack's name; use letters, digits and dashes, 55 at most, and begin with a letter", "--stack", "my_lake"),
    _row("a parameter without a value", "--parameter 'ResultsDays' is not NAME=VALUE, such as TransitionClass=STANDARD_IA", "--parameter", "ResultsDays"),
    _row("a parameter given twice", "--parameter ResultsDays is given twice; keep one of the two", "-p", "ResultsDays=1", "-p", "ResultsDays=2"),
    _row("a parameter that there is not", "the template has no parameter 'ResultDays'; it has …, ResultsDays, …", "-p", "ResultDays=1"),
    _row("a parameter that the settings say", "the parameter LakeBucket is taken from the settings; change it there", "-p", "LakeBucket=another"),
    _row("a parameter that CloudFormation refuses", "CloudFormation refused it: no", *_THERE, meanwhile=refused("CreateChangeSet", "ValidationError")),
    _row("a stack whose creation failed", "stack dynalake was never made, or not wholly removed (ROLLBACK_COMPLETE), and cannot be changed; remove it (aws cloudformation delete-stack --stack-name dynalake), then set up again", code=3, meanwhile=_in_state("ROLLBACK_COMPLETE")),
    _row("a stack that somebody else is changing", "stack dynalake is being changed by somebody else (UPDATE_IN_PROGRESS); set up again when that is done", code=3, meanwhile=_in_state("UPDATE_IN_PROGRESS")),
    _row("`cloudformation:DescribeStacks` is not permitted", "cloudformation:DescribeStacks on stack dynalake is not permitted; grant it to the role in use", code=5, meanwhile=_DENIED),
    Row("a stack's options for something else", ("setup", "athena", "--dry-run"), "--stack, --parameter and --dry-run are for dynalake setup stack; leave them out", 2),
]  # fmt: skip

"""A small evaluator of IAM's policies: actions and resources with wildcards, and the operators that the template uses.

A Deny anywhere decides; else one Allow is enough
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html). What is not
known here is an error, not a guess.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

_KNOWN: Final = {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}
Statement = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for: an IAM action on a resource's ARN, with what the request's context holds."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)


def allowed(request: Request, statements: Iterable[Statement], elsewhere: Iterable[Statement] = ()) -> bool:
    """Say whether a role's statements allow a request, and no statement of theirs or of the resource's policy (`elsewhere`) denies it."""
    ours, others = list(statements), list(elsewhere)
    if any(statement["Effect"] == "Deny" and matches(statement, request) for statement in (*ours, *others)):
        return False
    return any(statement["Effect"] == "Allow" and matches(statement, request) for statement in ours)


def matches(statement: Statement, request: Request) -> bool:
    """Say whether a statement speaks of a request."""
    assert statement.keys() <= _KNOWN, statement.keys()
    assert statement.get("Principal", "*") == "*"
    return (
        any(_like(pattern, request.action, ignoring_case=True) for pattern in listed(statement["Action"]))
        and any(_like(pattern, request.resource) for pattern in listed(statement["Resource"]))
        and all(
            _holds(operator, key, value, request.context)
            for operator, keys in statement.get("Condition", {}).items()
            for key, value in keys.items()
        )
    )


def _holds(operator: str, key: str, value: Any, context: Mapping[str, str]) -> bool:  # noqa: ANN401 - a text, or a list of them
    there = context.get(key)
    match operator:
        case "Null":
            return bool(value == "true") is (there is None)
        case "Bool":
            return there is not None and there.lower() == str(value).lower()
        case "StringEquals":
            return there in listed(value)
        case "ForAllValues:StringLike":
            return there is None or any(_like(pattern, there) for pattern in listed(value))
    message = f"the operator {operator} is not known here"
    raise AssertionError(message)


def listed(value: Any) -> list[str]:  # noqa: ANN401 - a text, or a list of them
    """Return what may stand alone or in a list as a list."""
    return [value] if isinstance(value, str) else list(value)


@cache
def _pattern(text: str) -> re.Pattern[str]:
    words = (".*" if sign == "*" else "." if sign == "?" else re.escape(sign) for sign in text)
    return re.compile("".join(words), re.DOTALL)


def _like(pattern: str, text: str, *, ignoring_case: bool = False) -> bool:
    if ignoring_case:
        pattern, text = pattern.lower(), text.lower()
    return _pattern(pattern).fullmatch(text) is not None


def granted(statements: Iterable[Statement]) -> Iterator[tuple[str, str, Statement]]:
    """Yield each action that is allowed, with its statement's name and the statement narrowed to that action."""
    for statement in statements:
        if statement["Effect"] == "Allow":
            for action in listed(statement["Action"]):
                yield statement["Sid"], action, {**statement, "Action": action}

"""Requests that AWS refuses are not sent, and those that it takes are."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from tests.strict import NotOnAWSError, complaint

_KEY: dict[str, Any] = {"conversationId": {"S": "c"}, "timestamp": {"N": "1"}}
_NAMED: dict[str, Any] = {"ConditionExpression": "#a = :a", "ExpressionAttributeNames": {"#a": "a"}}
_DEEP: dict[str, Any] = {"S": "x"}
for _ in range(32):
    _DEEP = {"L": [_DEEP]}

_REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    "26 statements": ("BatchExecuteStatement", {"Statements": [{"Statement": "DELETE"}] * 26}),
    "a long statement": ("BatchExecuteStatement", {"Statements": [{"Statement": "x" * 8_193}]}),
    "no parameters": ("BatchExecuteStatement", {"Statements": [{"Statement": "DELETE", "Parameters": []}]}),
    "101 keys": ("BatchGetItem", {"RequestItems": {"t": {"Keys": [{"k": {"N": str(number)}} for number in range(101)]}}}),
    "no keys": ("BatchGetItem", {"RequestItems": {"t": {"Keys": []}}}),
    "two indexes at once": ("UpdateTable", {"GlobalSecondaryIndexUpdates": [{"Create": {}}, {"Create": {}}]}),
    "a key twice": ("BatchGetItem", {"RequestItems": {"t": {"Keys": [_KEY, _KEY]}}}),
    "put and delete of one key": (
        "BatchWriteItem",
        {"RequestItems": {"t": [{"PutRequest": {"Item": {**_KEY, "a": {"S": "x"}}}}, {"DeleteRequest": {"Key": _KEY}}]}},
    ),
    "an unused value": ("DeleteItem", {**_NAMED, "ExpressionAttributeValues": {":a": {"S": "x"}, ":b": {"S": "y"}}}),
    "a value that is not given": ("DeleteItem", _NAMED),
    "an unused name": ("DeleteItem", {"ConditionExpression": "attribute_exists(a)", "ExpressionAttributeNames": {"#a": "a"}}),
    "a reserved word": ("Query", {"KeyConditionExpression": "timestamp = :t", "ExpressionAttributeValues": {":t": {"N": "1"}}}),
    "a reversed window": (
        "Query",
        {"KeyConditionExpression": "t1 BETWEEN :a AND :b", "ExpressionAttributeValues": {":a": {"N": "2"}, ":b": {"N": "1"}}},
    ),
    "a long expression": ("DeleteItem", {"ConditionExpression": "a" * 4_097}),
    "39 digits": ("PutItem", {"Item": {**_KEY, "a": {"N": "1" * 39}}}),
    "a huge number": ("PutItem", {"Item": {**_KEY, "a": {"M": {"b": {"N": "1E126"}}}}}),
    "a member twice": ("PutItem", {"Item": {**_KEY, "a": {"NS": ["1", "1.0"]}}}),
    "an empty set": ("PutItem", {"Item": {**_KEY, "a": {"SS": []}}}),
    "a deep value": ("PutItem", {"Item": {**_KEY, "a": _DEEP}}),
    "a large item": ("PutItem", {"Item": {**_KEY, "a": {"S": "x" * 410_000}}}),
    "an empty key": ("GetItem", {"Key": {**_KEY, "conversationId": {"S": ""}}}),
}
_TAKEN: dict[str, tuple[str, dict[str, Any]]] = {
    "25 statements": ("BatchExecuteStatement", {"Statements": [{"Statement": "DELETE", "Parameters": [{"S": "x"}]}] * 25}),
    "a condition": ("DeleteItem", {**_NAMED, "Key": _KEY, "ExpressionAttributeValues": {":a": {"N": "1E-130"}}}),
    "functions": (
        "DeleteItem",
        {"ConditionExpression": "attribute_not_exists(a) AND size(b) > :n", "ExpressionAttributeValues": {":n": {"N": "1"}}},
    ),
    "a point in time": (
        "Query",
        {
            "KeyConditionExpression": "#t BETWEEN :a AND :b",
            "ExpressionAttributeNames": {"#t": "timestamp"},
            "ExpressionAttributeValues": {":a": {"N": "1"}, ":b": {"N": "1"}},
        },
    ),
}


@pytest.mark.parametrize(("operation", "params"), _REFUSED.values(), ids=list(_REFUSED))
def test_what_aws_refuses_is_complained_about(operation: str, params: dict[str, Any]) -> None:
    """Moto would take most of it."""
    assert complaint("dynamodb", operation, params)


@pytest.mark.parametrize(("operation", "params"), _TAKEN.values(), ids=list(_TAKEN))
def test_what_aws_takes_is_let_through(operation: str, params: dict[str, Any]) -> None:
    """Up to its limits."""
    assert complaint("dynamodb", operation, params) is None


@pytest.mark.parametrize(
    "params",
    [
        {"IfNoneMatch": '"etag"'},
        {"IfNoneMatch": "*", "IfMatch": "x"},
        {"Metadata": {"a": "x" * 2_048}},
        {"Key": "k" * 1_025},
        {"ChecksumSHA256": "AA=="},
    ],
)
def test_a_put_that_s3_refuses_is_complained_about(params: dict[str, Any]) -> None:
    """Conditions, metadata, keys, and a checksum of something else."""
    assert complaint("s3", "PutObject", {"Bucket": "b", "Key": "k", "Body": b"x", **params})


def test_every_client_of_the_tests_is_held_to_it() -> None:
    """Before anything is sent."""
    client = boto3.client("dynamodb", region_name="us-east-1", endpoint_url="http://127.0.0.1:1")
    with pytest.raises(NotOnAWSError, match="a key is empty"):
        client.get_item(TableName="t", Key={"k": {"S": ""}})

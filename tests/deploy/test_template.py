"""The template: well formed, made by moto as far as moto goes, and at one with what the engine asks of a bucket."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import boto3
import pytest
from cfnlint.api import lint  # type: ignore[import-untyped]
from cfnlint.config import ManualArgs  # type: ignore[import-untyped]
from cfnlint.decode.decode import decode_str  # type: ignore[import-untyped]
from setuptools import find_namespace_packages  # type: ignore[import-untyped]

from archive.engine.session import takes_away
from archive.s3 import Store
from flows.settings import load_settings
from flows.stack import TEMPLATE as PACKAGED
from flows.stack import template
from flows.stack_inputs import ours
from tests.deploy.rendered import TEMPLATE, Rendered, decoded
from tests.servers import CREDENTIALS, REGION, Server

MOST_BYTES: Final = 51_200
"""Bytes of a template that goes with the call (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html)."""
OTHERS: Final = ("Alarm", "Budget", "Topic", "Dashboard", "Notify")
"""How the names of what watches begin."""
CLASSES: Final = decoded()["Parameters"]["TransitionClass"]["AllowedValues"]


def test_cfn_lint_has_nothing_to_say() -> None:
    """Offline: resource types, properties, references, policies; warnings too."""
    found = lint(TEMPLATE.read_text(encoding="utf-8"), config=ManualArgs(regions=[REGION, "eu-central-1"]))
    assert [f"{match.rule.id} {match.message}" for match in found] == []


def test_the_template_goes_with_the_call() -> None:
    """A larger one would have to lie in a bucket, which is not there yet. What is left out says nothing to CloudFormation."""
    assert len(template().encode()) <= MOST_BYTES
    assert decode_str(template())[0] == decoded()


def test_the_packaged_template_is_this_one() -> None:
    """`dynalake setup` reads the file that lies beside its package, and a wheel has it there."""
    assert PACKAGED == TEMPLATE
    root = TEMPLATE.parents[1]
    told = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    assert "deploy" in find_namespace_packages(str(root), include=told["packages"]["find"]["include"])
    assert any(TEMPLATE.match(pattern) for pattern in told["package-data"]["*"])


def test_the_document_has_every_part() -> None:
    """Parameters, resources and roles, each by its name; and no parameter that there is not."""
    text = (TEMPLATE.parents[1] / "docs" / "deploy.md").read_text(encoding="utf-8")
    parameters = decoded()["Parameters"]
    ours = [name for name in (*parameters, *decoded()["Resources"]) if not name.startswith(OTHERS)]
    assert [name for name in ours if f"`{name}`" not in text] == []
    named = re.findall(r"\b([A-Z]\w+)=", text)
    assert set(named) <= parameters.keys() | {"NAME"}


def test_no_yaml_that_cloudformation_does_not_read() -> None:
    """Anchors and aliases are not supported there."""
    assert not re.search(r"(^|\s)[&*][A-Za-z]\w*(\s|$)", re.sub(r"#.*", "", TEMPLATE.read_text(encoding="utf-8")))


def test_settings_are_parameters_by_the_same_name(tmp_path: Path) -> None:
    """What the settings say has a parameter each; its pattern takes what the settings take."""
    file = tmp_path / "dynalake.toml"
    file.write_text('[lake]\nbucket = "my-lake"\n[athena]\nworkgroup = "dynalake"\n')
    settings = load_settings(file, {"HOME": str(tmp_path)})
    parameters = decoded()["Parameters"]
    for name, value in ours(settings).items():
        pattern, values = parameters[name].get("AllowedPattern"), parameters[name].get("AllowedValues")
        assert value in values if values else re.fullmatch(pattern, value), name


def lifecycle(stack: Rendered, bucket: str = "LakeStore") -> list[dict[str, Any]]:
    """Return a bucket's lifecycle rules as S3's API has them."""
    rules = []
    for rule in stack.properties(bucket)["LifecycleConfiguration"]["Rules"]:
        found = {key: rule[key] for key in rule.keys() - {"Id", "Prefix", "Transitions", "ExpirationInDays"}}
        found |= {"ID": rule["Id"], "Filter": {"Prefix": rule.get("Prefix", "")}}
        if "ExpirationInDays" in rule:
            found["Expiration"] = {"Days": int(rule["ExpirationInDays"])}
        if "Transitions" in rule:
            (move,) = rule["Transitions"]
            found["Transitions"] = [{"Days": int(move["TransitionInDays"]), "StorageClass": move["StorageClass"]}]
        if "NoncurrentVersionExpiration" in rule:
            found["NoncurrentVersionExpiration"] = {"NoncurrentDays": int(rule["NoncurrentVersionExpiration"]["NoncurrentDays"])}
        rules.append(found)
    return rules


def stored(server: Server, rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put rules on a bucket, and return what the engine sees of them."""
    s3, bucket = server.s3(), f"lake-{uuid4().hex[:12]}"
    s3.create_bucket(Bucket=bucket)
    given: Any = {"Rules": rules}
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration=given)
    return list(Store(s3, bucket).lifecycle_rules())


@pytest.mark.parametrize("storage", CLASSES)
def test_a_purge_takes_every_bucket_that_the_template_makes_without_expiry(storage: str, moto_server: Server) -> None:
    """Whatever the class, the engine's own check has nothing against it; and what moves is messages/ alone."""
    rules = stored(moto_server, lifecycle(Rendered.of(TransitionClass=storage, OldVersionsDays="7", PurgePolicy="delete")))
    assert [rule["ID"] for rule in rules if takes_away(rule, "dynalake/messages/")] == []
    moving = [rule for rule in rules if "Transitions" in rule]
    assert [(rule["Filter"]["Prefix"], rule["Transitions"][0]["StorageClass"]) for rule in moving] == (
        [] if storage == "NONE" else [("dynalake/messages/", storage)]
    )


def test_expiry_is_what_a_purge_refuses_and_so_is_refused_with_one(moto_server: Server) -> None:
    """The template's rule and the engine's check say the same."""
    rules = stored(moto_server, lifecycle(Rendered.of(ExpireMessagesDays="2555")))
    assert [rule["ID"] for rule in rules if takes_away(rule, "dynalake/messages/")] == ["expire-messages"]
    expiring = {rule["Filter"]["Prefix"] for rule in rules if "Expiration" in rule}
    assert expiring == {"dynalake/messages/", "dynalake/receipts/", "dynalake/superseded/"}
    assert Rendered.of(ExpireMessagesDays="2555").broken_rules() == []
    for purge in ("delete", "expire"):
        (said,) = Rendered.of(ExpireMessagesDays="2555", PurgePolicy=purge).broken_rules()
        assert "purge = keep" in said
        assert Rendered.of(PurgePolicy=purge).broken_rules() == []


def test_a_class_that_freezes_is_not_offered() -> None:
    """Athena could not read it, and a purge would refuse it."""
    assert [name for name in CLASSES if takes_away({"Transitions": [{"StorageClass": name}]}, "dynalake/messages/")] == []
    assert {"GLACIER", "DEEP_ARCHIVE"}.isdisjoint(CLASSES)


def test_the_lakes_bucket() -> None:
    """Versioned, closed, encrypted, its owner's alone; old versions and what was not finished go; it outlives the stack."""
    stack = Rendered.of()
    lake = stack.properties("LakeStore")
    assert lake["BucketName"] == "my-lake"
    assert lake["VersioningConfiguration"] == {"Status": "Enabled"}
    assert set(lake["PublicAccessBlockConfiguration"].values()) == {True}
    assert lake["BucketEncryption"]["ServerSideEncryptionConfiguration"] == [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
    assert {"ObjectLockEnabled", "ObjectLockConfiguration"}.isdisjoint(lake)
    assert [rule["ID"] for rule in lifecycle(stack)] == ["old-versions", "incomplete-uploads"]
    for name, about in stack.resources.items():
        if about["Type"] in ("AWS::S3::Bucket", "AWS::Glue::Database", "AWS::KMS::Key"):
            assert (about["DeletionPolicy"], about["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain"), name


def test_the_lake_can_be_locked() -> None:
    """Every version for so many days."""
    lake = Rendered.of(ObjectLockMode="GOVERNANCE", ObjectLockDays="14").properties("LakeStore")
    assert lake["ObjectLockEnabled"] is True
    assert lake["ObjectLockConfiguration"]["Rule"]["DefaultRetention"] == {"Mode": "GOVERNANCE", "Days": "14"}


def test_a_key_is_made_given_or_neither() -> None:
    """Lake, results and workgroup use the same one."""
    given = "arn:aws:kms:us-east-1:123456789012:key/given"
    for values, key in (({}, None), ({"KmsKeyArn": given}, given)):
        stack = Rendered.of(Encryption="SSE-KMS", **values)
        assert ("LakeKey" in stack.resources) == (key is None)
        encryption = (stack.properties(name)["BucketEncryption"] for name in ("LakeStore", "ResultsStore"))
        used = {one["ServerSideEncryptionConfiguration"][0]["ServerSideEncryptionByDefault"]["KMSMasterKeyID"] for one in encryption}
        used.add(_workgroup(stack)["ResultConfiguration"]["EncryptionConfiguration"]["KmsKey"])
        assert used == {key or "arn:aws:kms:us-east-1:123456789012:key/made"}
    assert Rendered.of(KmsKeyArn=given).broken_rules() == ["KmsKeyArn needs Encryption = SSE-KMS"]


def _workgroup(stack: Rendered) -> dict[str, Any]:
    found: dict[str, Any] = stack.properties("LakeWorkgroup")["WorkGroupConfiguration"]
    return found


def test_the_workgroup_stops_a_question_that_reads_too_much() -> None:
    """And says itself where results go, encrypted; they go after a while."""
    stack = Rendered.of(ScanLimitBytes="20000000", ResultsDays="3")
    workgroup = _workgroup(stack)
    assert (workgroup["EnforceWorkGroupConfiguration"], workgroup["BytesScannedCutoffPerQuery"]) == (True, "20000000")
    assert workgroup["ResultConfiguration"] == {
        "OutputLocation": "s3://dynalake-resultsstore/",
        "EncryptionConfiguration": {"EncryptionOption": "SSE_S3"},
    }
    assert lifecycle(stack, "ResultsStore")[0]["Expiration"] == {"Days": 3}


def test_what_is_there_already_is_left_as_it_is() -> None:
    """No bucket, no policy of it, no database; the roles name them all the same."""
    stack = Rendered.of(LakeBucketExists="true", GlueDatabaseExists="true")
    assert Rendered.of().resources.keys() - stack.resources.keys() == {"LakeStore", "LakeStorePolicy", "LakeDatabase"}


def without_nothing(part: Any) -> Any:  # noqa: ANN401 - any part of a policy
    """Return a part of what moto made without the None that stands there for NoValue."""
    if isinstance(part, list):
        return [without_nothing(one) for one in part if one is not None]
    return {key: without_nothing(one) for key, one in part.items()} if isinstance(part, dict) else part


def test_moto_makes_the_roles_and_the_buckets(moto_server: Server) -> None:
    """As far as moto goes: of a bucket it makes the encryption, and it knows no bucket policy, Glue or Athena (docs/deploy.md)."""
    session = boto3.Session(CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"], region_name=REGION)
    cloudformation: Any = session.client("cloudformation", endpoint_url=moto_server.endpoint)
    name, bucket = f"stack-{uuid4().hex[:8]}", f"lake-{uuid4().hex[:12]}"
    given = [{"ParameterKey": "LakeBucket", "ParameterValue": bucket}]
    cloudformation.create_stack(StackName=name, TemplateBody=TEMPLATE.read_text(), Parameters=given, Capabilities=["CAPABILITY_NAMED_IAM"])
    iam: Any = session.client("iam", endpoint_url=moto_server.endpoint)
    stack = Rendered.of(LakeBucket=bucket)
    physical = {
        one["LogicalResourceId"]: one["PhysicalResourceId"]
        for one in cloudformation.list_stack_resources(StackName=name)["StackResourceSummaries"]
    }
    for role in ("archiver", "purger", "restorer"):
        policy = iam.get_role_policy(RoleName=f"{name}-{role}", PolicyName=role)["PolicyDocument"]
        policy = policy.replace(physical["ResultsStore"], "dynalake-resultsstore").replace(
            physical["Topic"], stack.solved({"Ref": "Topic"})
        )
        made = without_nothing(ast.literal_eval(policy)["Statement"])
        assert made == stack.properties(f"{role.title()}Role")["Policies"][0]["PolicyDocument"]["Statement"]
    encryption = moto_server.s3().get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert encryption[0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    outputs = {one["OutputKey"] for one in cloudformation.describe_stacks(StackName=name)["Stacks"][0]["Outputs"]}
    assert outputs == decoded()["Outputs"].keys()
    cloudformation.delete_stack(StackName=name)

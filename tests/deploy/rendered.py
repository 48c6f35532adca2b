"""Works out deploy/dynalake.yaml for given parameters, as far as this template needs it: conditions, Ref, Sub, GetAtt, If, Join."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final

from cfnlint.decode.decode import decode_str  # type: ignore[import-untyped]

TEMPLATE: Final = Path(__file__).resolve().parents[2] / "deploy" / "dynalake.yaml"
ACCOUNT: Final = "123456789012"
REGION: Final = "us-east-1"
_PSEUDO: Final = {
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::StackName": "dynalake",
    "AWS::NoValue": None,
}
_REFERENCE = re.compile(r"\$\{([\w:.]+)\}")
_NOTHING: Final = object()


@cache
def decoded() -> Mapping[str, Any]:
    """Return the template as it stands, short forms written out."""
    template, errors = decode_str(TEMPLATE.read_text(encoding="utf-8"))
    assert errors == []
    return dict(template)


@dataclass(frozen=True)
class Rendered:
    """A template with values for its parameters; the others have their defaults."""

    values: Mapping[str, str]

    @classmethod
    def of(cls, **values: str) -> Rendered:
        """Fill a template in; a name that is no parameter is a mistake of the test's."""
        parameters = decoded()["Parameters"]
        assert values.keys() <= parameters.keys()
        defaults = {name: str(about["Default"]) for name, about in parameters.items() if "Default" in about}
        return cls({"LakeBucket": "my-lake", **defaults, **values})

    @cached_property
    def resources(self) -> dict[str, dict[str, Any]]:
        """Return the resources that would be made."""
        found: Mapping[str, Any] = decoded()["Resources"]
        return {name: self.solved(one) for name, one in found.items() if "Condition" not in one or self.holds(one["Condition"])}

    def properties(self, name: str) -> dict[str, Any]:
        """Return the properties of one resource."""
        found: dict[str, Any] = self.resources[name]["Properties"]
        return found

    def broken_rules(self) -> list[str]:
        """Return what the template's Rules say against these parameters."""
        return [
            assertion["AssertDescription"]
            for rule in decoded()["Rules"].values()
            if self.solved(rule["RuleCondition"])
            for assertion in rule["Assertions"]
            if not self.solved(assertion["Assert"])
        ]

    def holds(self, condition: str) -> bool:
        """Say whether one of the template's conditions holds."""
        return bool(self.solved(decoded()["Conditions"][condition]))

    def solved(self, part: Any) -> Any:  # noqa: ANN401 - any part of a template
        """Return a part of the template without functions; what is NoValue is left out of lists and maps."""
        if isinstance(part, list):
            return [one for one in map(self.solved, part) if one is not None]
        if not isinstance(part, dict):
            return part
        if len(part) == 1:
            (name, argument) = next(iter(part.items()))
            value = self._function(name, argument)
            if value is not _NOTHING:
                return value
        solved = {key: self.solved(value) for key, value in part.items()}
        return {key: value for key, value in solved.items() if value is not None}

    def _function(self, name: str, argument: Any) -> Any:  # noqa: ANN401, PLR0911 - as above; one line a function
        match name:
            case "Ref":
                return self._reference(argument)
            case "Fn::GetAtt":
                return self._attribute(argument if isinstance(argument, str) else ".".join(argument))
            case "Fn::Sub":
                return _REFERENCE.sub(lambda found: str(self._reference(found[1])), argument)
            case "Fn::If":
                condition, then, otherwise = argument
                return self.solved(then if self.holds(condition) else otherwise)
            case "Fn::Join":
                return argument[0].join(self.solved(argument[1]))
            case "Fn::Equals":
                one, other = (str(self.solved(side)) for side in argument)
                return one == other
            case "Fn::Not":
                return not self.solved(argument[0])
            case "Fn::And":
                return all(map(self.solved, argument))
            case "Condition" if isinstance(argument, str):
                return self.holds(argument)
        return _NOTHING

    def _reference(self, name: str) -> Any:  # noqa: ANN401 - as above
        if name in _PSEUDO:
            return _PSEUDO[name]
        if name in self.values:
            kind = decoded()["Parameters"][name]["Type"]
            return self.values[name].split(",") if kind == "CommaDelimitedList" else self.values[name]
        return self._attribute(name) if "." in name else self._physical(name)

    def _physical(self, name: str) -> str:
        """Return what Ref gives of a resource: a bucket's name, a topic's or a monitor's ARN."""
        about = decoded()["Resources"][name]
        if about["Type"] != "AWS::S3::Bucket":
            service = {"AWS::SNS::Topic": "sns", "AWS::CE::AnomalyMonitor": "ce"}[about["Type"]]
            return f"arn:aws:{service}:{REGION}:{ACCOUNT}:dynalake-{name}"
        named = about["Properties"].get("BucketName")
        return str(self.solved(named)) if named else f"dynalake-{name.lower()}"

    def _attribute(self, text: str) -> str:
        name, attribute = text.split(".")
        assert attribute == "Arn", text
        match decoded()["Resources"][name]["Type"]:
            case "AWS::S3::Bucket":
                return f"arn:aws:s3:::{self._physical(name)}"
            case "AWS::KMS::Key":
                return f"arn:aws:kms:{REGION}:{ACCOUNT}:key/made"
            case kind:
                raise AssertionError(kind)

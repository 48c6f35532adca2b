"""What people read of a stack: its changes, the gravest last, and what their settings lack."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from flows.settings import Settings, load_settings
from flows.show_stack import show_changes, show_outputs
from flows.stack import Change, Proposal

CHANGES = (
    Change("remove", "LakeDatabase", "AWS::Glue::Database", "chats", (), kept=True),
    Change("replace", "LakeWorkgroup", "AWS::Athena::WorkGroup", "chats", ("Name",), kept=False),
    Change("add", "LakeKey", "AWS::KMS::Key", "", (), kept=False),
    Change("change", "LakeStore", "AWS::S3::Bucket", "my-lake", ("BucketEncryption", "LifecycleConfiguration"), kept=False),
)
OUTPUTS = {
    "ArchiverRoleArn": "arn:aws:iam::123456789012:role/lake-archiver",
    "PurgerRoleArn": "arn:aws:iam::123456789012:role/lake-purger",
    "RestorerRoleArn": "arn:aws:iam::123456789012:role/lake-restorer",
    "AnalystRoleArn": "arn:aws:iam::123456789012:role/lake-analyst",
    "TopicArn": "arn:aws:sns:us-east-1:123456789012:lake-topic",
}


def console() -> tuple[Console, io.StringIO]:
    """Return a console of a known width, and what it prints to."""
    text = io.StringIO()
    return Console(file=text, width=120), text


def test_each_change_has_a_line() -> None:
    """What is added first; what is replaced or removed last, and whether AWS keeps it; which properties change."""
    shown, text = console()
    show_changes(shown, "lake", Proposal("id", "lake", is_new=False, changes=CHANGES))
    lines = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.getvalue().splitlines() if line.startswith("│")]
    assert lines == [
        ["add", "LakeKey", "AWS::KMS::Key", ""],
        ["change", "LakeStore", "AWS::S3::Bucket", "BucketEncryption, LifecycleConfiguration"],
        ["replace", "LakeWorkgroup", "AWS::Athena::WorkGroup", "Name"],
        ["remove (AWS keeps the old one)", "LakeDatabase", "AWS::Glue::Database", "chats"],
    ]


def settings_with(folder: Path, text: str = "") -> Settings:
    """Return settings."""
    file = folder / "dynalake.toml"
    file.write_text(f'[lake]\nbucket = "my-lake"\n{text}')
    return load_settings(file, {"HOME": str(folder)})


def test_what_the_settings_take_is_shown_as_they_take_it(tmp_path: Path) -> None:
    """Roles, the topic, and the figures that alarms need, as sections; put there, they are taken, and not shown again."""
    shown, text = console()
    show_outputs(shown, settings_with(tmp_path), OUTPUTS)
    sections = text.getvalue().partition("settings file:\n\n")[2].partition("Analysts")[0]
    settings = settings_with(tmp_path, sections)
    assert settings.roles.restorer == OUTPUTS["RestorerRoleArn"]
    assert (settings.watch.metrics, settings.notify.sns_topic) == (True, OUTPUTS["TopicArn"])
    again, text = console()
    show_outputs(again, settings, OUTPUTS)
    assert text.getvalue() == f"Analysts assume {OUTPUTS['AnalystRoleArn']}.\n"


def test_an_output_that_the_workgroup_ignores_is_told(tmp_path: Path) -> None:
    """The stack's workgroup says itself where results go."""
    shown, text = console()
    show_outputs(shown, settings_with(tmp_path, '[athena]\noutput = "s3://results/"\n'), OUTPUTS)
    assert "warning: [athena] output is not used by the stack's workgroup" in text.getvalue()

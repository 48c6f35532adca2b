"""The settings: a TOML file, overridden by DYNALAKE_ variables, read once and turned into the engine's plain values."""

from __future__ import annotations

import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from archive.errors import InputError
from archive.model.config import Config, Lake, Limits, Policy, Roles, Source, Watch
from archive.model.window import midnight
from athena import AthenaConfig
from flows.settings_prices import PricesSection
from flows.settings_problems import explain, refuse_unknown_variables
from flows.settings_sections import (
    SECRETS,
    AthenaSection,
    LakeSection,
    LimitsSection,
    NotifySection,
    PolicySection,
    ReportSection,
    RolesSection,
    RunSection,
    ScheduleSection,
    SourceSection,
    WatchSection,
)
from flows.settings_types import wrong

CONFIG_VARIABLE: Final = "DYNALAKE_CONFIG"
DEFAULT_FILE: Final = Path("dynalake.toml")
_NO_BUCKET: Final = "no-bucket-is-named"


class Settings(BaseSettings):
    """All sections, checked one by one and against each other. Made by `load_settings`."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        env_prefix="DYNALAKE_",
        env_nested_delimiter="__",
        enable_decoding=False,
        hide_input_in_errors=True,  # a traceback shows them, and a webhook's address is a secret
    )

    source: SourceSection = Field(default_factory=SourceSection)
    lake: LakeSection
    policy: PolicySection = Field(default_factory=PolicySection)
    limits: LimitsSection = Field(default_factory=LimitsSection)
    roles: RolesSection = Field(default_factory=RolesSection)
    athena: AthenaSection = Field(default_factory=AthenaSection)
    prices: PricesSection = Field(default_factory=PricesSection)
    run: RunSection = Field(default_factory=RunSection)
    watch: WatchSection = Field(default_factory=WatchSection)
    report: ReportSection = Field(default_factory=ReportSection)
    schedule: ScheduleSection = Field(default_factory=ScheduleSection)
    notify: NotifySection = Field(default_factory=NotifySection)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  the names are pydantic-settings' own
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take nothing but the arguments: `load_settings` reads the environment it was given, not the process's."""
        return (init_settings,)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        key, name = "policy.ttl_attribute", self.policy.ttl_attribute
        if self.policy.purge == "expire" and name in self.source.spec().attributes:
            message = (
                f" is {name!r}, which is also a declared column, so the mark could not be told from the data;"
                " name another attribute, or take the column out of [[source.columns]]"
            )
            raise wrong(key, message)
        if self.policy.purge == "expire" and name == self.source.version_attribute:
            raise wrong(key, f" is {name!r}, which is also source.version_attribute; name another attribute for the mark")
        return self

    def config(self) -> Config:
        """Return what the engine is told."""
        source, lake, policy = self.source, self.lake, self.policy
        return Config(
            source=Source(
                table=source.table,
                index=source.index,
                region=source.region,
                modules=source.modules,
                earliest=midnight(source.earliest),
                version_attribute=source.version_attribute,
                spec=source.spec(),
            ),
            lake=Lake(
                bucket=lake.bucket,
                prefix=lake.prefix,
                partition=lake.partition,
                segment=lake.segment or lake.partition,
                spool_directory=lake.spool_directory,
                spool_bytes=lake.spool_size,
            ),
            policy=Policy(**policy.model_dump()),
            limits=Limits(**{**self.limits.model_dump(), "shared_by": self.limits.shared_by * self.run.processes}),
            roles=Roles(**self.roles.model_dump()),
            prices=self.prices.overrides(),
            watch=Watch(**self.watch.model_dump()),
        )

    def athena_config(self) -> AthenaConfig:
        """Return where the lake is registered and queries run."""
        return AthenaConfig(**self.athena.model_dump(), prices=self.prices.overrides())


def settings_file(path: Path | None, environ: Mapping[str, str]) -> Path | None:
    """Return the settings file that is read: `path`, else the one that DYNALAKE_CONFIG names, else dynalake.toml if there is one."""
    if path is None and environ.get(CONFIG_VARIABLE):
        return Path(environ[CONFIG_VARIABLE])
    return path or (DEFAULT_FILE if DEFAULT_FILE.exists() else None)


def load_settings(path: Path | None, environ: Mapping[str, str], *, lake_needed: bool = True) -> Settings:
    """Read the settings from `path`, else the file that DYNALAKE_CONFIG names, else dynalake.toml if there is one.

    Variables override the file; an empty variable counts as absent. Raises InputError, one sentence, for whatever is
    wrong: also for unknown keys and for variables that begin with DYNALAKE_ and are no setting. Without `lake_needed`, a bucket need
    not be named, because nobody will look for it.
    """
    present = {name: value for name, value in environ.items() if value}
    refuse_unknown_variables(present)
    values = _read(settings_file(path, present))
    _refuse_secrets(values)
    overrides = _from_environment(present)
    for section, keys in overrides.items():
        _section(values, section).update(keys)
    if not lake_needed:
        _section(values, "lake").setdefault("bucket", _NO_BUCKET)
    _section(values, "lake").setdefault("spool_directory", str(_default_spool(present)))
    try:
        return Settings(**values)
    except ValidationError as error:
        raise InputError(explain(error, overrides)) from error


def _read(named: Path | None) -> dict[str, Any]:
    """Return the file's tables; an empty one without a file."""
    if named is None:
        return {}
    try:
        with named.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError as error:
        message = f"the settings file {named} does not exist; name an existing one with --config or {CONFIG_VARIABLE}"
        raise InputError(message) from error
    except OSError as error:
        message = f"the settings file {named} cannot be read ({error.strerror}); make it readable, or name another with --config"
        raise InputError(message) from error
    except UnicodeDecodeError as error:
        message = f"the settings file {named} is not UTF-8 text; save it as UTF-8"
        raise InputError(message) from error
    except tomllib.TOMLDecodeError as error:
        message = f"the settings file {named} is not TOML: {error}; correct it there (texts need quotes, dates do not)"
        raise InputError(message) from error


def _refuse_secrets(values: Mapping[str, Any]) -> None:
    for section, key in SECRETS.items():
        if key in _section(dict(values), section):
            variable = f"DYNALAKE_{section}__{key}".upper()
            message = f"{section}.{key} is a secret, and stands in the settings file; take it out, and set the variable {variable} instead"
            raise InputError(message)


def _from_environment(environ: Mapping[str, str]) -> dict[str, dict[str, str]]:
    source = EnvSettingsSource(Settings)
    source.env_vars = {name.lower(): value for name, value in environ.items()}
    return source()


def _section(values: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the file's table of this name, made if absent; anything else under that name is refused."""
    table = values.setdefault(name, {})
    if not isinstance(table, dict):
        message = f"{name} is not a section; write a line [{name}], and its keys below it"
        raise InputError(message)
    return table


def _default_spool(environ: Mapping[str, str]) -> Path:
    """Return the user's cache folder, which others cannot write to; the temporary folder only where there is none."""
    if cache := environ.get("XDG_CACHE_HOME"):
        return Path(cache) / "dynalake-spool"
    if home := environ.get("HOME"):
        return Path(home) / ".cache" / "dynalake-spool"
    return Path(tempfile.gettempdir()) / "dynalake-spool"

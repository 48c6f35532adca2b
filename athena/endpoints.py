"""Says whether botocore's own environment variables point a service at another server, such as an emulator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_PREFIX: Final = "AWS_ENDPOINT_URL"


def endpoint_of(service: str, environ: Mapping[str, str]) -> str | None:
    """Return the URL that `AWS_ENDPOINT_URL_<SERVICE>`, or else `AWS_ENDPOINT_URL`, gives; None where AWS itself is meant.

    https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html, which also names AWS_IGNORE_CONFIGURED_ENDPOINT_URLS.
    """
    if environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
        return None
    return environ.get(f"{_PREFIX}_{service.upper()}") or environ.get(_PREFIX) or None


def is_overridden(environ: Mapping[str, str]) -> bool:
    """Say whether S3, or everything, is somewhere else than at AWS."""
    return endpoint_of("s3", environ) is not None

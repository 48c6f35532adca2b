"""Every error that Dynalake raises on purpose: what went wrong, what to do next, and whether trying again can help."""

from __future__ import annotations


class DynalakeError(Exception):
    """Base of all deliberate errors. `str(error)` is one sentence that says what to do.

    `exit_code` is what the command line ends with (documented in docs/design.md); `retryable` says whether the
    same call may succeed if it is simply made again.
    """

    exit_code = 1
    retryable = False


class InputError(DynalakeError):
    """A setting, an option, a file or a question is wrong. Nothing was changed."""

    exit_code = 2


class RefusedError(DynalakeError):
    """The work could be done, but a promise could not be kept. Nothing was changed."""

    exit_code = 3


class ProofError(DynalakeError):
    """What was written or stored is not what it has to be. The segment is stopped; nothing was removed for it."""

    exit_code = 4


class LakeDamagedError(ProofError):
    """An object that a receipt names is gone, unreadable, smaller or different."""


class ServiceError(DynalakeError):
    """AWS (or the server in its place) refused or failed a call."""

    exit_code = 5


class NotPermittedError(ServiceError):
    """The role in use may not make a call."""


class TransientServiceError(ServiceError):
    """AWS failed a call that may work when it is made again: throttling, a 5xx, a time-out, a broken connection."""

    retryable = True


class SpoolFullError(DynalakeError):
    """The local spool cannot hold what was read. A shorter batch, or a shorter segment, fits."""

    exit_code = 6


class LocalDiskError(SpoolFullError):
    """The local disk failed: it is full, read-only or broken. Less at once may still fit."""


class StoppedError(DynalakeError):
    """The run was asked to stop, and ended in good order."""

    exit_code = 7


class CapReachedError(StoppedError):
    """The run reached one of its caps, and ended in good order."""

    exit_code = 8


class AttentionError(DynalakeError):
    """Nothing failed, but `status` or `doctor` found something that needs somebody's attention."""

    exit_code = 9

"""What every rewrite is given and gives back: the kinds around a node, calls by name, refusals."""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from archive.errors import InputError
from athena.infer import Kind


@dataclass(frozen=True, slots=True)
class Facts:
    """The kinds of a node and of its two operands, as they were before anything was rewritten."""

    own: Kind | None
    left: Kind | None
    right: Kind | None


def call(name: str, *arguments: exp.Expr | None) -> exp.Anonymous:
    """Return a call by name of copies of the arguments that there are."""
    return exp.Anonymous(this=name, expressions=[argument.copy() for argument in arguments if argument is not None])


def refusal(what: str) -> InputError:
    """Return the error for what DuckDB answers differently."""
    return InputError(f"{what} cannot be answered by DuckDB as Athena answers it; ask Athena itself with the engine athena")

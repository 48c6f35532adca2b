"""Lets one read-only question through, and refuses everything else in one sentence, before any engine sees it."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

from sqlglot import exp, parse, tokenize
from sqlglot.errors import ErrorLevel, SqlglotError
from sqlglot.tokens import Token, TokenType  # type: ignore[attr-defined]  # sqlglot hands them on without saying so

from archive.errors import InputError

_BEGINNINGS: Final = frozenset({"SELECT", "WITH", "VALUES", "TABLE"})
_SIGNS: Final = {
    TokenType.DCOLON: ("::", "CAST(value AS type)"),
    TokenType.DARROW: ("->>", "json_extract_scalar"),
    TokenType.L_BRACE: ("{...}", "ROW(...) or MAP(...)"),
}
# A word of DuckDB, the words that make it one (any other use may be a name), and what Athena has instead.
_WORDS: Final = {
    "ILIKE": (None, "lower(value) LIKE pattern"),
    "ASOF": (("JOIN", "LEFT"), "a window function"),
    "POSITIONAL": (("JOIN",), "row_number() and a join"),
    "SEMI": (("JOIN",), "WHERE EXISTS"),
    "ANTI": (("JOIN",), "WHERE NOT EXISTS"),
    "SAMPLE": (None, "TABLESAMPLE after the table"),
    "PIVOT": (("(",), "sum(...) FILTER (WHERE ...)"),
    "UNPIVOT": (("(",), "UNNEST"),
}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)")
_STAR_EXTRAS: Final = ("except", "except_", "replace", "rename")
_BEFORE_A_VALUE: Final = frozenset({TokenType.SELECT, TokenType.COMMA, TokenType.L_PAREN, TokenType.EQ, TokenType.IN, TokenType.L_BRACKET})


def check_question(sql: str) -> str:
    """Return the statement without its closing semicolon.

    Only words are looked at, so that whatever Athena understands passes. Raises InputError for an empty text, for several statements
    and for one that does not begin as a query does (SELECT, WITH, VALUES, TABLE or a bracket): in Trino's grammar such a
    statement only reads, https://trino.io/docs/current/sql/select.html.
    """
    tokens = _tokens(sql)
    while tokens and tokens[-1].token_type is TokenType.SEMICOLON:
        sql = sql[: tokens.pop().start]
    if not tokens:
        message = "there is no question: write one SELECT statement"
        raise InputError(message)
    first = next((token for token in tokens if token.token_type is not TokenType.L_PAREN), tokens[0])
    if first.text.upper() not in _BEGINNINGS:
        message = f"{first.text.upper()} is refused: a question is one SELECT statement (or WITH ... SELECT), which only reads"
        raise InputError(message)
    if any(token.token_type is TokenType.SEMICOLON for token in tokens):
        message = "there are several statements; ask one question at a time"
        raise InputError(message)
    return sql.strip()


def count_marks(sql: str) -> int:
    """Return how many question marks stand for parameters. Raises InputError."""
    return sum(token.token_type is TokenType.PLACEHOLDER for token in _tokens(sql))


def parse_question(sql: str) -> exp.Query:
    """Parse what `check_question` accepts, as Athena's dialect, and refuse what sqlglot reads but Athena does not.

    Question marks become placeholders that are called by their numbers, from 1, in the order of the text. Raises InputError. The check is
    for common slips, not complete: Trino's own parser is the judge.
    """
    sql = _prepared(check_question(sql))
    _check_tokens(_tokens(sql))
    try:
        statement = parse(sql, read="athena", error_level=ErrorLevel.RAISE)[0]
    except SqlglotError as error:
        message = f"the SQL cannot be read: {_first_line(error)}"
        raise InputError(message) from error
    if not isinstance(statement, exp.Query):
        message = "this is not a query that the DuckDB engine reads; write SELECT, or ask Athena itself with the engine athena"
        raise InputError(message)
    _check_tree(statement)
    return statement


def _prepared(sql: str) -> str:
    """Write `:p1` for the first question mark, and so on: a tree does not tell the order of the text.

    `DECIMAL '1.00'` becomes `1.00`, which is the same (https://trino.io/docs/current/language/types.html): sqlglot would make a cast of
    it, to a decimal without scale.
    """
    tokens = _tokens(sql)
    marks = (token for token in tokens if token.token_type is TokenType.PLACEHOLDER)
    changes = [(mark.start, mark.end, f":p{number}") for number, mark in enumerate(marks, 1)]
    for before, token in pairwise(tokens):
        if before.token_type is TokenType.DECIMAL and token.token_type is TokenType.STRING and _NUMBER.fullmatch(token.text):
            changes.append((before.start, token.end, token.text))
    for start, end, text in sorted(changes, reverse=True):
        sql = sql[:start] + text + sql[end + 1 :]
    return sql


def _tokens(sql: str) -> list[Token]:
    try:
        return list(tokenize(sql, read="trino"))
    except SqlglotError as error:
        message = f"the SQL cannot be read: {_first_line(error)}"
        raise InputError(message) from error


def _first_line(error: SqlglotError) -> str:
    return str(error).split("\n", maxsplit=1)[0].replace("\x1b[4m", "").replace("\x1b[0m", "").rstrip(".")


def _check_tokens(tokens: list[Token]) -> None:
    limits: list[int] = []
    depth = 0
    for index, token in enumerate(tokens):
        before, after = (tokens[index - 1] if index else None), (tokens[index + 1] if index + 1 < len(tokens) else None)
        kind = token.token_type
        depth += (kind is TokenType.L_PAREN) - (kind is TokenType.R_PAREN)
        limits = [level for level in limits if level <= depth]
        if kind is TokenType.LIMIT:
            limits.append(depth)
        slip = _word_slip(token, before, after) or _sign_slip(token, before)
        if kind is TokenType.FROM and (before is None or (before.token_type is TokenType.L_PAREN and _opens_query(tokens, index))):
            slip = ("a query that begins with FROM", "SELECT ... FROM ...")
        elif kind is TokenType.OFFSET and depth in limits:
            slip = ("LIMIT before OFFSET", "OFFSET first")
        if slip:
            _refuse_slip(slip)


def _refuse_slip(slip: tuple[str, str]) -> None:
    found, instead = slip
    message = f"{found} is not in Athena's SQL; write {instead}"
    raise InputError(message)


def _word_slip(token: Token, before: Token | None, after: Token | None) -> tuple[str, str] | None:
    word = token.text.upper()
    if word not in _WORDS or token.token_type in (TokenType.STRING, TokenType.IDENTIFIER):
        return None
    followers, instead = _WORDS[word]
    if word == "SAMPLE" and (before is None or before.text.upper() != "USING"):
        return None
    is_foreign = followers is None or (after is not None and after.text.upper() in followers)
    return (word, instead) if is_foreign else None


def _sign_slip(token: Token, before: Token | None) -> tuple[str, str] | None:
    kind = token.token_type
    if kind in _SIGNS:
        return _SIGNS[kind]
    if kind is TokenType.EQ and token.text == "==":
        return ("==", "=")
    if kind is TokenType.SLASH and before is not None and before.token_type is TokenType.SLASH:
        return ("//", "/, which divides integers as integers")
    if kind is TokenType.L_BRACKET and (before is None or before.token_type in _BEFORE_A_VALUE):
        return ("a list in bare brackets", "ARRAY[...]")
    return None


def _opens_query(tokens: list[Token], index: int) -> bool:
    # trim(FROM x) is the one place where Trino writes FROM after a bracket.
    return not (index > 1 and tokens[index - 2].text.upper() == "TRIM")


def _check_tree(statement: exp.Query) -> None:
    stars = [star for star in statement.find_all(exp.Star) if any(star.args.get(key) for key in _STAR_EXTRAS)]
    if stars or any(statement.find_all(exp.Columns)):
        _refuse_slip(("a star with EXCLUDE, REPLACE or RENAME, or COLUMNS(...),", "the columns you want"))
    if any(group.args.get("all") and not group.expressions for group in statement.find_all(exp.Group)):
        _refuse_slip(("GROUP BY ALL", "the columns to group by"))
    if any(statement.find_all(exp.Into, exp.Lock)):
        message = "a question only reads; SELECT INTO and FOR UPDATE are refused"
        raise InputError(message)
    if any(mark.find_ancestor(exp.Where) is None for mark in statement.find_all(exp.Placeholder)):
        message = "Athena takes a parameter (a question mark) in WHERE only; write the value itself elsewhere"
        raise InputError(message)
    for table in statement.find_all(exp.Table):
        if isinstance(table.this, exp.Func):
            called = table.this.name.lower() or table.this.sql_name().lower()
            message = f"{called}(...) is not a table; ask the lake's own tables, or UNNEST(...)"
            raise InputError(message)
        if isinstance(table.this, exp.Literal) or "/" in table.name or table.name.endswith((".parquet", ".csv", ".json")):
            message = f"{table.name!r} is not a table; files cannot be asked, only the lake's tables"
            raise InputError(message)

"""Mutants of the governor and of what it is told: promise 6, and that nobody else is throttled."""

from __future__ import annotations

from typing import Final

from tests.mutants.mutant import Mutant

_ATTEMPTS: Final = "archive/attempts.py"
_WRITE: Final = "archive/dynamo_write.py"
_OF_ATTEMPTS: Final = "tests/archive/test_attempts.py::"
_PAYING: Final = "tests/archive/test_paying.py::"
_PACE: Final = "tests/archive/purge/test_pace.py::"

OF_THE_PACE: Final = (
    Mutant(
        "a throttle that botocore hides",
        "each throttle slows the run down",
        _ATTEMPTS,
        "        request.governor.throttled(request.cost, reasons_of(parsed_response))\n",
        "        pass\n",
        (f"{_OF_ATTEMPTS}test_throttles_that_botocore_retries_are_heard_of",),
    ),
    Mutant(
        "a second attempt that is free",
        "each attempt is paid for",
        _ATTEMPTS,
        "            request.governor.take(request.cost)\n",
        "            pass\n",
        (f"{_OF_ATTEMPTS}test_each_attempt_is_taken_before_it_is_sent",),
    ),
    Mutant(
        "a throttled statement that slows nothing down",
        "each throttle slows the run down, also in an answer of status 200",
        _WRITE,
        "                        governor.throttled(cost)\n",
        "                        pass\n",
        (f"{_PAYING}test_a_throttled_statement_is_heard_of_and_taken_again",),
    ),
    Mutant(
        "a refused removal at the whole price",
        "a condition that did not hold costs no index anything",
        _WRITE,
        "(Fate.DONE, Fate.SURPRISE) else cost.refused()",
        "(Fate.DONE, Fate.SURPRISE) else cost",
        (f"{_PAYING}test_a_batch_settles_what_its_statements_did",),
    ),
    Mutant(
        "partition values without a limit",
        "a purge throttles no live writer",
        "archive/governor.py",
        "            rate = self._budget.partition(self._kind)\n",
        "            rate = 1e12\n",
        (f"{_PACE}test_a_purge_throttles_no_live_writer",),
    ),
    Mutant(
        "a segment that is purged from its beginning on",
        "a hot module does not delay the others",
        "archive/lake/lanes.py",
        "    many = min(LANES, ",
        "    many = min(1, ",
        (f"{_PACE}test_a_hot_module_does_not_delay_the_others",),
    ),
    Mutant(
        "a full batch that waits for a busy item",
        "what is ready is not held up",
        "archive/spread.py",
        "wait = self._fill(batch, 0.0)",
        "wait = self._fill(batch, self._linger)",
        ("tests/archive/test_spread.py::test_a_full_batch_does_not_wait_for_a_busy_item",),
    ),
)

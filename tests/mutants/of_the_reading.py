"""Mutants of reading hot and cold as one: each message once, whatever runs do meanwhile, and no more is read than is needed."""

from __future__ import annotations

from typing import Final

from tests.mutants.mutant import Mutant

_MERGE: Final = "archive/both/merge.py"
_HOT: Final = "archive/both/hot.py"
_SETTLE: Final = "archive/both/settle.py"
_MEANWHILE: Final = "tests/archive/both/test_meanwhile.py::"
_READING: Final = "tests/archive/both/test_reading.py::"

OF_THE_READING: Final = (
    Mutant(
        "a lake that is listed before the table is read",
        "what is removed from the table meanwhile comes from the lake",
        _MERGE,
        "        with closing(self._hot.pages()) as pages:\n",
        "        before = self._cold.listing(self._asked.window)\n"
        "        self._cold.listing = lambda _: before  # type: ignore[method-assign]\n"
        "        with closing(self._hot.pages()) as pages:\n",
        (f"{_MEANWHILE}test_what_is_removed_between_two_pages_comes_from_the_lake",),
    ),
    Mutant(
        "a lake that is listed once",
        "what is removed from the table after the first page comes from the lake",
        _MERGE,
        "                listing = self._cold.listing(passed)\n",
        "                self._listed = getattr(self, '_listed', None) or self._cold.listing(self._asked.window) or {1: 1}\n"
        "                listing = {segment: seen for segment, seen in self._listed.items() if segment != 1}\n",
        (f"{_MEANWHILE}test_what_is_removed_after_the_first_listing_comes_from_the_lake",),
    ),
    Mutant(
        "a base table that is not asked",
        "an edited message is as it is, not as it was archived",
        _SETTLE,
        "    current = judges.table(keys)\n",
        "    current = judges.table([])\n",
        (f"{_MEANWHILE}test_a_message_that_is_edited_after_it_was_read_is_as_the_table_says",),
    ),
    Mutant(
        "a lake that is not asked again",
        "what was removed after it was read is as it was removed",
        _SETTLE,
        "            winner = judges.lake(key)\n",
        "            winner = None\n",
        (f"{_MEANWHILE}test_a_message_that_is_replaced_and_removed_after_it_was_read_is_as_it_was_removed",),
    ),
    Mutant(
        "a millisecond that is cut in two",
        "each message once, in order",
        _HOT,
        "        end = from_ms(last)\n",
        "        end = from_ms(last + 1)\n",
        (f"{_READING}test_messages_of_one_millisecond_on_two_pages_are_in_order",),
    ),
    Mutant(
        "a page that is too large",
        "no more is read than is needed",
        _HOT,
        "asked.limit + _ONE_MORE",
        "asked.limit + 1_000",
        (f"{_READING}test_the_latest_few_take_one_request_while_they_are_in_the_table",),
    ),
)

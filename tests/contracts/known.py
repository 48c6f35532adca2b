"""What each server is known to get wrong: the contracts that it fails, and what it does instead."""

from __future__ import annotations

from typing import Final

WRONG: Final[dict[str, dict[str, str]]] = {
    "moto": {
        "test_modules_are_found_in_the_order_of_a_hash": "finds them in the order of their values",
        "test_a_query_tells_the_read_units_of_the_index": "counts 1.0 unit for everything, and names the index as a local one",
        "test_a_query_is_charged_by_what_it_read": "counts 1.0 unit for everything",
        "test_a_single_delete_is_charged_in_every_index": "counts 1.0 unit for everything",
        "test_a_table_that_is_made_again_has_another_id": "gives no TableId",
        "test_numbers_come_back_in_one_spelling": "keeps the spelling",
        "test_a_value_that_is_none_is_refused[39 digits]": "stores it",
        "test_a_value_that_is_none_is_refused[beyond 1E125]": "stores it",
        "test_a_value_that_is_none_is_refused[a member twice]": "stores it",
        "test_a_key_of_an_index_of_another_type_is_refused": "stores it",
        "test_a_reserved_word_must_be_aliased": "takes it",
        "test_a_checksum_that_was_only_given_comes_back": "keeps it only where ChecksumAlgorithm is named as well",
        "test_a_body_that_does_not_match_its_checksum_is_refused": "stores it, and hands the wrong checksum back",
        "test_two_indexes_in_one_call_are_refused": "makes both",
        "test_an_index_twice_is_refused": "fails (500)",
    },
    "dynalite": {
        "test_a_conditional_delete_that_is_refused_returns_the_message": "leaves the message out: nothing can be purged there",
        "test_a_single_delete_is_charged_in_every_index": "leaves the indexes' write units out",
        "test_a_condition_holds_for_an_equal_value[map]": "finds no map equal to itself",
        "test_a_condition_holds_for_an_equal_value[list]": "finds no list equal to itself",
        "test_a_protected_table_is_not_deleted": "knows no such protection",
        "test_a_ttl_that_is_switched_on_is_described": "has no UpdateTimeToLive",
        "test_the_days_of_recovery_are_described": "has no point-in-time recovery",
        "test_a_backup_is_listed_and_becomes_available": "has no backups",
        "test_an_index_that_is_added_holds_what_was_there": "wants provisioned units for it, though the table is on demand",
        "test_two_indexes_in_one_call_are_refused": "wants provisioned units for them, though the table is on demand",
    },
    "ministack": {
        "test_a_made_up_start_key_jumps_to_the_next_module": "finds one module, without an error: modules must be named",
        "test_modules_are_found_in_the_order_of_a_hash": "finds one module, without an error",
        "test_a_query_is_charged_by_what_it_read": "counts 0.5 units for every Query",
        "test_a_key_is_found_by_any_spelling_of_its_number": "finds 1000 only, not 1000.0",
        "test_a_statement_is_charged_in_every_index": "counts 1.0 unit a statement, without the indexes",
        "test_the_days_of_recovery_are_described": "leaves the days out",
        "test_two_indexes_in_one_call_are_refused": "makes both",
    },
}
"""By server: a test's name, or `name[kind]`, and what the server does instead. docs/servers.md is the same table for readers."""


def why_wrong(server: str, test: str, kind: str) -> str | None:
    """Return what a server does instead of what a contract says; None where it is held to it."""
    known = WRONG.get(server, {})
    return known.get(f"{test}[{kind}]") or known.get(test)

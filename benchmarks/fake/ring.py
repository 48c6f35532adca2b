"""Real messages as DynamoDB's JSON, made about 2 KB long, and their bytes varied into as many messages as are asked for.

The ring is the file's messages once, joined by commas, in one buffer. A message of a table is a place in the ring with
other ids, time, module and student of the same length written over it: so a page of 1 MB costs a copy and a few numpy
assignments, and one item a copy of 2 KB. What an item says is real, and comes again only after a whole round.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

import msgspec
import numpy as np

from archive.codec.values import Item
from archive.model.item_size import item_size

TYPICAL_BYTES: Final = 2_048
_STUDENTS: Final = 900_000
_FIRST_STUDENT: Final = 100_000
_STUDENT_STEP: Final = 131  # students differ from module to module
_GOLDEN: Final = 0.618_033_988_75
_TIME_DIGITS: Final = 13
_MODULE_DIGITS: Final = 4
_STUDENT_DIGITS: Final = 6
_ID_DIGITS: Final = 8  # hexadecimal, of a UUID's first part: the module, and the round
_ONE_OF: Final = 8  # is looked at to know how long messages are
_SOME_TIME: Final = "1704067200001"
_SOME_MODULE: Final = "1001"
"""Written over in every message; sizes are theirs, and a number that ends in zeros is a byte smaller."""

Whole = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True, slots=True)
class _Slots:
    """Where in the buffer each message's changing parts are; `ids` are those of all messages, one after the other."""

    times: Whole
    modules: Whole
    students: Whole
    ids: Whole


class Ring:
    """All the bytes there are. Threads may share it; nothing is changed after it was made."""

    def __init__(self, items: Iterable[Item]) -> None:
        """Encode the messages once."""
        made = list(_made(items))
        encoded = [msgspec.json.encode(item) for item in made]
        self.length = len(encoded)
        self._bytes = b",".join(encoded) + b","
        self._offsets: Whole = np.concatenate([[0], np.cumsum([len(text) + 1 for text in encoded])])
        sizes: Whole = np.array([item_size(item) for item in made])
        self._sizes: list[int] = sizes.tolist()
        self._sums: Whole = np.concatenate([[0], np.cumsum(sizes)])
        self._base: Whole = np.array([int(item["studentId"]["N"]) for item in made]) - _FIRST_STUDENT
        self._slots = _slots(encoded, self._offsets)
        self._starts: list[int] = self._offsets.tolist()
        self._tails = [item["conversationId"]["S"][_ID_DIGITS:].encode() for item in made]
        self._places = [_places(text) for text in encoded]

    def place(self, module: int, number: int) -> tuple[int, int]:
        """Return where a module's message is: in which round, and at which place. Modules begin far from each other."""
        return divmod(int(module * _GOLDEN * self.length) % self.length + number, self.length)

    def size(self, module: int, number: int) -> int:
        """Return the bytes that DynamoDB counts for one message."""
        return self._sizes[self.place(module, number)[1]]

    def bytes_between(self, module: int, first: int, end: int) -> int:
        """Return the bytes that DynamoDB counts for messages [first, end) of a module."""
        return self._sum(self.place(module, end)) - self._sum(self.place(module, first))

    def _sum(self, at: tuple[int, int]) -> int:
        return int(at[0] * self._sums[-1] + self._sums[at[1]])

    def fitting(self, module: int, first: int, most_bytes: int) -> int:
        """Return the end of the messages from `first` on that a page takes: with the one that reaches 1 MB, as DynamoDB does it."""
        began = self.place(module, first)
        rounds, rest = divmod(self._sum(began) + most_bytes, int(self._sums[-1]))
        ended = rounds * self.length + int(np.searchsorted(self._sums, rest, side="left"))
        return first + ended - (began[0] * self.length + began[1])

    def items(self, module: int, first: int, times: Whole) -> bytearray:
        """Return the JSON of messages from number `first` of a module on, joined by commas, with these times."""
        pieces: list[bytearray] = []
        done = 0
        while done < len(times):
            rounds, place = self.place(module, first + done)
            count = min(self.length - place, len(times) - done)
            pieces.append(self._piece(module, rounds, place, times[done : done + count]))
            done += count
        return pieces[0] if len(pieces) == 1 else bytearray(b",").join(pieces)

    def _piece(self, module: int, rounds: int, place: int, times: Whole) -> bytearray:
        end = place + len(times)
        start, stop = self._starts[place], self._starts[end] - 1
        piece = bytearray(memoryview(self._bytes)[start:stop])
        view = np.frombuffer(piece, np.uint8)
        slots = self._slots
        _write(view, slots.times[place:end] - start, times, _TIME_DIGITS)
        _write(view, slots.students[place:end] - start, self._students(self._base[place:end], module), _STUDENT_DIGITS)
        _copy(view, slots.modules[place:end] - start, f"{module:0{_MODULE_DIGITS}}".encode())
        low, high = np.searchsorted(slots.ids, (start, stop))
        _copy(view, slots.ids[low:high] - start, _id(module, rounds))
        del view  # or the piece could not be resized
        return piece

    def item(self, module: int, number: int, time: int) -> bytearray:
        """Return the JSON of one message."""
        rounds, place = self.place(module, number)
        item = bytearray(memoryview(self._bytes)[self._starts[place] : self._starts[place + 1] - 1])
        time_at, module_at, student_at, ids = self._places[place]
        item[time_at : time_at + _TIME_DIGITS] = b"%013d" % time
        item[module_at : module_at + _MODULE_DIGITS] = b"%04d" % module
        item[student_at : student_at + _STUDENT_DIGITS] = b"%06d" % self._students(int(self._base[place]), module)
        for at in ids:
            item[at : at + _ID_DIGITS] = _id(module, rounds)
        return item

    def keys(self, module: int, first: int, times: Whole) -> bytes:
        """Return the same messages' keys alone."""
        places = [self.place(module, first + offset) for offset in range(len(times))]
        key = b'{"conversationId":{"S":"%s%s"},"timestamp":{"N":"%d"},"moduleId":{"N":"%d"}}'
        return b",".join(
            key % (_id(module, rounds), self._tails[place], time, module)
            for (rounds, place), time in zip(places, times.tolist(), strict=True)
        )

    @staticmethod
    def _students(base: Any, module: int) -> Any:  # noqa: ANN401 - one number, or an array of them
        return (base + module * _STUDENT_STEP) % _STUDENTS + _FIRST_STUDENT


def numbers_of(conversation: str) -> tuple[int, int]:
    """Return the module and the round that a conversation's id was made with."""
    return int(conversation[:4], 16), int(conversation[4:8], 16)


def _id(module: int, rounds: int) -> bytes:
    return b"%04x%04x" % (module, rounds)


def _made(items: Iterable[Item]) -> Iterator[Item]:
    """Give every message ids and numbers of one length, and a text that makes messages 2 KB long on average.

    What is added is text of other messages, all the same length, so that messages stay as different in length as they are.
    """
    kept = list(items)
    filler = "\n".join(item["content"]["S"] for item in kept)
    some = [item_size(item) for item in kept[::_ONE_OF]]
    more = max(TYPICAL_BYTES - sum(some) // len(some), 0)
    for number, item in enumerate(kept):
        at = (number + len(kept) // 2) * more % max(len(filler) - more, 1)
        made = {**item, "content": {"S": item["content"]["S"] + filler[at : at + more]}}
        made["conversationId"] = {"S": str(uuid5(NAMESPACE_URL, item["conversationId"]["S"]))}
        if "messageId" in item:
            made["messageId"] = {"S": str(uuid5(NAMESPACE_URL, f"{item['messageId']['S']}/{number}"))}
        student = int(item["studentId"]["N"]) % _STUDENTS + _FIRST_STUDENT
        yield {**made, "timestamp": {"N": _SOME_TIME}, "moduleId": {"N": _SOME_MODULE}, "studentId": {"N": str(student)}}


def _places(text: bytes) -> tuple[int, int, int, list[int]]:
    """Return where in an item's JSON its time, module, student and ids begin."""
    ids = [_after(text, name) for name in (b"conversationId", b"messageId") if b'"%s":{"S":' % name in text]
    return _after(text, b"timestamp"), _after(text, b"moduleId"), _after(text, b"studentId"), ids


def _after(text: bytes, name: bytes) -> int:
    mark = b'"%s":{"' % name
    return text.index(mark) + len(mark) + len(b'S":"')


def _slots(encoded: list[bytes], offsets: Whole) -> _Slots:
    places = [_places(text) for text in encoded]
    ids = [int(offsets[number]) + at for number, place in enumerate(places) for at in place[3]]
    times, modules, students = (offsets[:-1] + np.array([place[part] for place in places]) for part in range(3))
    return _Slots(times, modules, students, np.array(sorted(ids), np.int64))


def _write(view: np.ndarray[Any, np.dtype[np.uint8]], at: Whole, numbers: Whole, digits: int) -> None:
    """Write decimal numbers of so many digits at these places."""
    powers = 10 ** np.arange(digits - 1, -1, -1, dtype=np.int64)
    view[at[:, None] + np.arange(digits)] = (numbers[:, None] // powers % 10 + ord("0")).astype(np.uint8)


def _copy(view: np.ndarray[Any, np.dtype[np.uint8]], at: Whole, text: bytes) -> None:
    """Write one text at these places."""
    view[at[:, None] + np.arange(len(text))] = np.frombuffer(text, np.uint8)

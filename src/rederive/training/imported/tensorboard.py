"""Scalars of a TensorBoard event file, from its bytes: neither TensorBoard nor TensorFlow is needed.

The file is a list of records, each with its length and two masked CRC-32C (TensorFlow, core/lib/io/record_writer.cc);
a record is an `Event` in Protocol Buffers' wire format (core/util/event.proto, core/framework/summary.proto). A scalar
is a summary's `simple_value`, or a `tensor` of one float or double.
"""

import struct
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from rederive.errors import UserError
from rederive.training.history import Row

STEP, SUMMARY = 2, 5  # of Event
VALUE = 1  # of Summary
TAG, SIMPLE_VALUE, TENSOR = 1, 2, 8  # of Summary.Value
DTYPE, CONTENT, FLOATS, DOUBLES = 1, 4, 5, 6  # of TensorProto
FLOAT, DOUBLE = 1, 2  # of DataType
Field = tuple[int, int | bytes]


def read(path: Path, seed: int) -> list[Row]:
    """Return the scalars of a file: the n-th value of a tag is that of epoch n.

    The tag `val/accuracy` is metric accuracy of split val; one without a slash is of split `run`. Steps that the writer
    took twice, as after a restart, count as last written. Raises UserError for a damaged file.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    values: dict[str, dict[int, float]] = {}
    try:
        for record in records(content):
            for tag, step, value in scalars(record):
                values.setdefault(tag, {})[step] = value
    except (ValueError, IndexError, struct.error) as error:
        raise UserError(f"{path}: not an event file of TensorBoard, or damaged ({error})") from None
    if not values:
        raise UserError(f"{path}: found no scalar; expected an event file of TensorBoard with some")
    rows = []
    for tag, by_step in values.items():
        split, _, metric = tag.rpartition("/")
        words = "_".join((split or "run").split()), "_".join(metric.split())
        rows += [Row(seed, epoch, *words, by_step[step]) for epoch, step in enumerate(sorted(by_step), start=1)]
    return rows


def records(content: bytes) -> Iterator[bytes]:
    """Yield the records of a file; one that the writer has not finished, at its end, is left out."""
    place = 0
    while place + 12 <= len(content):
        length, check = struct.unpack_from("<QI", content, place)
        if masked_crc(content[place : place + 8]) != check:
            raise ValueError(f"byte {place}: the checksum of a length is wrong")
        record = content[place + 12 : place + 12 + length]
        if place + 16 + length > len(content):
            return
        if masked_crc(record) != struct.unpack_from("<I", content, place + 12 + length)[0]:
            raise ValueError(f"byte {place + 12}: the checksum of a record is wrong")
        yield record
        place += 16 + length
    if not place:
        raise ValueError("no record")


def scalars(event: bytes) -> Iterator[tuple[str, int, float]]:
    """Yield tag, step and value of each scalar of an event."""
    known = list(fields(event))
    step = next((value for number, value in known if number == STEP and isinstance(value, int)), 0)
    for number, summary in known:
        if number != SUMMARY or not isinstance(summary, bytes):
            continue
        for inner, value in fields(summary):
            if inner == VALUE and isinstance(value, bytes):
                parts = dict(fields(value))
                tag, number_ = parts.get(TAG), _scalar(parts)
                if isinstance(tag, bytes) and number_ is not None:
                    yield tag.decode(), step, number_


def _scalar(parts: dict[int, int | bytes]) -> float | None:
    simple, tensor = parts.get(SIMPLE_VALUE), parts.get(TENSOR)
    if isinstance(simple, bytes):
        return float(struct.unpack("<f", simple)[0])
    if not isinstance(tensor, bytes):
        return None
    inside = dict(fields(tensor))
    form = {FLOAT: "<f", DOUBLE: "<d"}.get(int(inside.get(DTYPE, 0)))
    if form is None:
        return None
    content = next((part for key in (CONTENT, FLOATS, DOUBLES) if isinstance(part := inside.get(key), bytes)), b"")
    return float(struct.unpack(form, content)[0]) if len(content) == struct.calcsize(form) else None


def fields(message: bytes) -> Iterator[Field]:
    """Yield number and content of each field of a message in wire format; numbers as int, all else as bytes."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        kind = key & 7
        if kind == 0:
            value, place = _varint(message, place)
            yield key >> 3, value
            continue
        if kind == 2:
            size, place = _varint(message, place)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise ValueError(f"a field of wire type {kind}")
        if place + size > len(message):
            raise ValueError("a field that is longer than its message")
        yield key >> 3, message[place : place + size]
        place += size


def _varint(message: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place


def masked_crc(content: bytes) -> int:
    """Return the CRC-32C of some bytes (Castagnoli's polynomial), rotated and moved as TFRecord files have it."""
    table, crc = _table(), 0xFFFFFFFF
    for byte in content:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


@cache
def _table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return tuple(table)

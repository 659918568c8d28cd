from hypothesis import given
from hypothesis import strategies as st

from fun_local.store.crc64 import Crc64, crc64


def test_the_check_value_is_the_vendors():
    """fc-api 6.3."""
    assert crc64(b"123456789") == "11051210869376104954"


def test_nothing_has_the_checksum_nought():
    assert crc64(b"") == "0"


@given(st.lists(st.binary(max_size=50), max_size=5))
def test_it_does_not_matter_in_which_parts_the_data_comes(parts):
    checksum = Crc64()
    for part in parts:
        checksum.add(part)
    assert str(checksum) == crc64(b"".join(parts))


@given(st.binary(max_size=50))
def test_it_is_the_checksum_that_is_computed_bit_by_bit(data):
    value = 2**64 - 1
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xC96C5795D7870F42 if value & 1 else 0)
    assert crc64(data) == str(value ^ 2**64 - 1)

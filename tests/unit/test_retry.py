"""Back-off, retry budget and age: pure arithmetic."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fun_local.model.retry import Backoff, is_expired, retry_after_ms


def test_waits_double_from_half_a_second_to_the_cap():
    backoff = Backoff()
    assert [backoff.delay_ms(n) for n in range(1, 11)] == [
        500,
        1000,
        2000,
        4000,
        8000,
        16000,
        32000,
        60000,
        60000,
        60000,
    ]


def test_the_first_wait_and_the_cap_can_be_chosen():
    assert [Backoff(0.1, 0.3).delay_ms(n) for n in (1, 2, 3, 4)] == [100, 200, 300, 300]
    assert Backoff(0.0, 60.0).delay_ms(5) == 0


@given(st.integers(1, 10**9))
def test_a_wait_is_never_longer_than_the_cap(attempts):
    assert 500 <= Backoff().delay_ms(attempts) <= 60_000


@pytest.mark.parametrize("budget", range(9))
def test_a_budget_of_n_retries_allows_n_more_attempts(budget):
    backoff = Backoff()
    for attempts in range(1, budget + 1):
        assert retry_after_ms(attempts, budget, backoff) == backoff.delay_ms(attempts)
    assert retry_after_ms(budget + 1, budget, backoff) is None
    assert retry_after_ms(budget + 2, budget, backoff) is None


def test_a_message_of_exactly_the_maximum_age_still_runs():
    assert not is_expired(1000, 1000, 1)
    assert not is_expired(1000, 2000, 1)
    assert is_expired(1000, 2001, 1)


def test_a_clock_that_stepped_back_expires_nothing():
    assert not is_expired(10_000, 0, 1)

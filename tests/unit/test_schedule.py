"""When timers fire: the expressions that are taken, and the times they mean."""

from datetime import UTC, datetime

import pytest

from fun_local.errors import InvalidRequest
from fun_local.model import schedule
from fun_local.model.resources import Trigger


def ms(text):
    return int(datetime.fromisoformat(text).astimezone(UTC).timestamp() * 1000)


def times(expression, after, count=3, anchor="2026-01-01T00:00:00+00:00"):
    """The next times after one, as ISO text in UTC."""
    parsed, now_ms, found = schedule.parse(expression), ms(after), []
    for _ in range(count):
        now_ms = parsed.next_ms(now_ms, ms(anchor))
        found.append(datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S"))
    return found


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 0 4 * * *", ["2026-02-03T04:00:00", "2026-02-04T04:00:00", "2026-02-05T04:00:00"]),
        ("*/20 59 23 * * *", ["2026-02-02T23:59:00", "2026-02-02T23:59:20", "2026-02-02T23:59:40"]),
        ("0 0,30 12 ? * ?", ["2026-02-02T12:30:00", "2026-02-03T12:00:00", "2026-02-03T12:30:00"]),
        ("0 5/25 * * * *", ["2026-02-02T12:05:00", "2026-02-02T12:30:00", "2026-02-02T12:55:00"]),
        ("0 0 8-10/2 * * *", ["2026-02-03T08:00:00", "2026-02-03T10:00:00", "2026-02-04T08:00:00"]),
        ("0 0 0 1 jan,JUL *", ["2026-07-01T00:00:00", "2027-01-01T00:00:00", "2027-07-01T00:00:00"]),
        ("0 0 0 29 2 *", ["2028-02-29T00:00:00", "2032-02-29T00:00:00", "2036-02-29T00:00:00"]),
    ],
)
def test_six_fields_begin_with_seconds_and_are_utc(expression, expected):
    assert times(expression, "2026-02-02T12:00:00+00:00") == expected


@pytest.mark.parametrize("word", ["SAT,SUN", "sat-sun", "6-7", "6,0", "6,7"])
def test_sunday_is_0_and_7_and_ends_a_week(word):
    assert times(f"0 0 0 ? * {word}", "2026-02-02T12:00:00+00:00") == [
        "2026-02-07T00:00:00",
        "2026-02-08T00:00:00",
        "2026-02-14T00:00:00",
    ]


def test_with_both_days_limited_either_is_enough():
    # 2026-02-06 is a Friday.
    assert times("0 0 0 5 * FRI", "2026-02-02T12:00:00+00:00") == [
        "2026-02-05T00:00:00",
        "2026-02-06T00:00:00",
        "2026-02-13T00:00:00",
    ]
    assert times("0 0 0 */15 * MON", "2026-02-02T12:00:00+00:00")[:3] == [
        "2026-02-09T00:00:00",
        "2026-02-16T00:00:00",
        "2026-02-23T00:00:00",
    ]


def test_a_time_zone_before_the_fields_says_whose_hours_they_are():
    assert times("CRON_TZ=Asia/Shanghai 0 0 4 1 * *", "2026-02-02T12:00:00+00:00", 2) == [
        "2026-02-28T20:00:00",
        "2026-03-31T20:00:00",
    ]


def test_an_hour_that_a_time_zone_leaves_out_is_left_out():
    # 2026-03-29, 01:00 UTC: 02:00 becomes 03:00 in Berlin.
    assert times("CRON_TZ=Europe/Berlin 0 30 2 * * *", "2026-03-27T12:00:00+00:00", 2) == [
        "2026-03-28T01:30:00",
        "2026-03-30T00:30:00",
    ]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("@every 5m", ["00:05:00", "00:10:00", "00:15:00"]),
        ("@every 1h30m", ["01:30:00", "03:00:00", "04:30:00"]),
        ("@every 1.5h", ["01:30:00", "03:00:00", "04:30:00"]),
        ("@every  10s", ["00:00:10", "00:00:20", "00:00:30"]),
    ],
)
def test_an_interval_counts_from_when_it_was_deployed(expression, expected):
    assert times(expression, "2026-01-01T00:00:00+00:00") == [f"2026-01-01T{time}" for time in expected]


def test_an_interval_is_the_same_times_for_whoever_begins_later():
    assert times("@every 7m", "2026-01-01T00:10:00+00:00", 2) == [
        "2026-01-01T00:14:00",
        "2026-01-01T00:21:00",
    ]
    # The clock is behind the one that deployed it.
    assert times("@every 7m", "2025-06-01T00:00:00+00:00", 1) == ["2026-01-01T00:07:00"]


def test_the_next_time_is_never_the_one_it_is():
    on_time = ms("2026-01-01T00:05:00+00:00")
    for expression in ("@every 5m", "0 */5 * * * *"):
        parsed = schedule.parse(expression)
        assert parsed.next_ms(on_time - 1, ms("2026-01-01T00:00:00+00:00")) == on_time
        for later in (0, 1, 999, 1000):
            assert parsed.next_ms(on_time + later, ms("2026-01-01T00:00:00+00:00")) == on_time + 300_000


def test_an_interval_fires_at_whole_seconds():
    assert schedule.parse("@every 1m").next_ms(1_700_000_000_123, 1_700_000_000_123) == 1_700_000_060_000


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("", "needs 6 fields and has 0"),
        ("0 4 * * *", "needs 6 fields and has 5"),
        ("0 0 4 * * * 2026", "needs 6 fields and has 7"),
        ("60 0 4 * * *", "seconds '60': 60 is not between 0 and 59"),
        ("0 0 24 * * *", "hours '24': 24 is not between 0 and 23"),
        ("0 0 4 0 * *", "day of month '0': 0 is not between 1 and 31"),
        ("0 0 4 * 13 *", "month '13': 13 is not between 1 and 12"),
        ("0 0 4 * * 8", "day of week '8': 8 is not between 0 and 7"),
        ("0 0 4 * * MOON", "day of week 'MOON': holds characters"),
        ("0 0 4 * * XYZ", "XYZ is not between"),
        ("0 0 4 L * *", "day of month 'L': holds characters"),
        ("0 0 4 * * MON#2", "day of week 'MON#2': holds characters"),
        ("? 0 4 * * *", "seconds '?': holds characters"),
        ("0 1,,2 4 * * *", "minutes '1,,2': has nothing between two commas"),
        ("0 20-10 4 * * *", "the range 20-10 ends before it begins"),
        ("0 */0 4 * * *", "a step can't be 0"),
        ("0 *-5 4 * * *", "'*' can't begin a range"),
        ("0 0 0 31 2 *", "there is no such day in any year"),
        ("0 0 0 30-31 FEB ?", "there is no such day in any year"),
        ("CRON_TZ=Mars/Base 0 0 4 * * *", "time zone 'Mars/Base' is not known"),
        ("CRON_TZ=../etc 0 0 4 * * *", "time zone '../etc' is not known"),
        ("CRON_TZ=Asia 0 0 4 * * *", "time zone 'Asia' is not known"),
        ("@hourly", "'@hourly' is not valid"),
        ("@every", "'@every' is not valid"),
        ("@every 5", "'@every 5' is not valid"),
        ("@every 5d", "'@every 5d' is not valid"),
        ("@every -5m", "'@every -5m' is not valid"),
        ("@every 0s", "between one second and one year"),
        ("@every 0.5s", "between one second and one year"),
        ("@every 9999999h", "between one second and one year"),
    ],
)
def test_what_is_no_expression_is_refused_with_the_part_that_is_wrong(expression, problem):
    with pytest.raises(InvalidRequest) as refused:
        schedule.parse(expression)
    assert problem in refused.value.message
    assert refused.value.hint


def timer(**config):
    return Trigger("svc", "f", "t", "timer", {"cronExpression": "@every 1m", **config}, modified_ms=500)


def test_a_timer_fires_unless_it_is_switched_off():
    assert schedule.next_firing_ms(timer(), 0) == 60_000
    assert schedule.next_firing_ms(timer(enable=True), 0) == 60_000
    assert schedule.next_firing_ms(timer(enable=False), 0) is None

"""Where a webhook may lead, how it signs, how long it waits, and what it remembers of a lane: all pure."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notification.hooks.address import EVERY, BadTarget, check_url, may_reach, networks
from services.notification.hooks.hook import Progress
from services.notification.hooks.pace import Pace
from services.notification.hooks.sign import read_secret, signature, write_secret

PRIVATE = (
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
    "255.255.255.255", "::1", "::", "fe80::1", "fd00::1", "ff02::1", "::ffff:10.0.0.1", "64:ff9b::7f00:1",
    "2002:7f00:1::", "192.0.2.1", "198.18.0.1", "240.0.0.1", "192.0.0.192", "192.88.99.1", "168.63.129.16", "fec0::1",
)  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_no_webhook_leads_to_what_only_the_desk_can_reach(address: str) -> None:
    assert not may_reach(ip_address(address), ())


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:4700::6810:84e5", "::ffff:93.184.215.14"])
def test_public_addresses_are_reached(address: str) -> None:
    assert may_reach(ip_address(address), ())
    assert not may_reach(ip_address(address), (), public=False)


def test_what_the_owner_allows_is_reached_and_nothing_beside_it() -> None:
    allowed = networks("10.20.0.0/16, fd00::/8")
    assert may_reach(ip_address("10.20.3.4"), allowed)
    assert may_reach(ip_address("::ffff:10.20.3.4"), allowed)
    assert may_reach(ip_address("fd12::1"), allowed)
    assert not may_reach(ip_address("10.21.0.1"), allowed)
    assert (networks(""), networks("all")) == ((), EVERY)
    with pytest.raises(ValueError, match="does not appear"):
        networks("10.0.0.0/8;11.0.0.0/8")


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/", "ftp://hooks.example/", "https://", "https:///x", "https://u:p@hooks.example/",
        "https://hooks.example/#x", "https://127.0.0.1/", "https://[::1]/", "https://hooks.example:99999/",
        "https://[::1/", "https://hooks.example/ x", "https://hooks.example/\n", "https://höok.example/",
        "https://hooks.example/" + "x" * 2_000, "javascript:alert(1)", "",
    ],
)  # fmt: skip
def test_a_url_that_leads_nowhere_good_is_refused(url: str) -> None:
    with pytest.raises(BadTarget):
        check_url(url, ())


def test_plain_http_leads_into_allowed_networks_alone() -> None:
    check_url("https://hooks.example/a?b=c", ())
    check_url("http://10.1.2.3:8080/", networks("10.0.0.0/8"))
    with pytest.raises(BadTarget):
        check_url("http://93.184.215.14/", networks("10.0.0.0/8"))


def test_the_signature_is_that_of_standard_webhooks() -> None:
    """The vector of the specification's own libraries."""
    secret = read_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    made = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert read_secret(write_secret(secret)) == secret


def test_a_message_is_tried_often_at_first_and_for_three_days() -> None:
    pace, at, attempts = Pace(), timedelta(), 1
    while at < pace.trying:
        at += pace.retry(attempts)
        attempts += 1
    assert 15 < attempts < 30
    assert pace.retry(1) == timedelta(seconds=5)
    assert pace.retry(1_000_000) == timedelta(hours=6)
    assert [pace.rest(failures) for failures in (0, 2, 3, 1_000_000)] == [
        timedelta(), timedelta(), timedelta(seconds=2), timedelta(minutes=5),
    ]  # fmt: skip


@given(st.integers(0, 50), st.sets(st.integers(1, 40)), st.randoms(use_true_random=False))
def test_what_is_written_down_of_a_lane_is_what_is_done_and_never_more(
    after: int, gaps: set[int], chance: object
) -> None:
    places = [after + gap for gap in sorted(gaps)]
    read = places[-1] if places else after
    progress = Progress(after)
    order = progress.begin(places, read)
    assert order == places
    chance.shuffle(order)  # type: ignore[attr-defined]
    done: set[int] = set()
    for place in order:
        told = progress.settled(place)
        progress.end(place)
        done.add(place)
        assert told == progress.settled()
        upto, ahead = told
        assert {one for one in places if one <= upto} | set(ahead) == done
        again = Progress(upto, set(ahead))
        assert set(again.begin([one for one in places if one > upto], read)) == set(places) - done
    assert progress.settled() == (read, [])

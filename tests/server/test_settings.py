"""Settings are refused by name, value and range."""

from __future__ import annotations

import pytest

from strut_server.settings import MOST_BATCHES, ServerSettings, SettingError, is_loopback, usable_cores


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("port", 70000, "0 to 65535"),
        ("port", -1, "0 to 65535"),
        ("threads", 0, "1 to 256"),
        ("max_batch", 0, "1 to 4096"),
        ("max_batch_delay_ms", float("nan"), "0 to 1000"),
        ("queue_capacity", 0, "1 to"),
        ("default_deadline_ms", 6000, "1 to 5000"),
        ("remembered_windows", 1, "2 to 16"),
        ("device", "tpu", "auto, cpu, cuda"),
        ("max_batch_ms", 0, "1 to 60000"),
        ("parallel_batches", 17, "0 to 16"),
    ],
)
def test_what_is_out_of_range_is_refused_by_name(name: str, value: object, allowed: str) -> None:
    with pytest.raises(SettingError) as caught:
        ServerSettings(**{name: value})
    assert name in str(caught.value)
    assert str(value) in str(caught.value)
    assert allowed in str(caught.value)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "::", "example.org", ""])
def test_addresses_that_others_reach_need_to_be_asked_for(host: str) -> None:
    with pytest.raises(SettingError, match="insecure-any-address"):
        ServerSettings(host=host)
    assert ServerSettings(host=host, insecure_any_address=True).host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "::1", "localhost"])
def test_loopback_addresses_are_taken(host: str) -> None:
    assert is_loopback(host)
    ServerSettings(host=host)


def test_an_ipv6_address_is_put_in_brackets() -> None:
    assert ServerSettings(host="::1", port=5).address == "[::1]:5"


def test_as_many_batches_at_the_same_time_as_there_are_cores_for() -> None:
    cores = usable_cores()
    assert cores >= 1
    assert ServerSettings().batch_threads == min(cores, MOST_BATCHES)
    assert ServerSettings(threads=cores).batch_threads == 1
    assert ServerSettings(parallel_batches=5).batch_threads == 5
    assert ServerSettings(parallel_batches=5, cluster=True).batch_threads == 1

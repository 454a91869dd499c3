"""Prometheus metrics: what is counted, under a bounded number of labels."""

from __future__ import annotations

from services.kit.metrics import Metrics


def lines_of(metrics: Metrics) -> list[str]:
    return metrics.render().decode().splitlines()


def test_events_are_counted_by_family_and_event() -> None:
    metrics = Metrics("triage")
    metrics.event("ticket.submitted", "digested", 3)
    metrics.event("ticket.submitted", "digested")
    wanted = 'daybook_events_total{event="submitted",family="ticket",outcome="digested",service="triage"} 4.0'
    assert wanted in lines_of(metrics)


def test_requests_are_counted_by_route_not_by_path() -> None:
    metrics = Metrics("intake")
    metrics.request("POST", "/tickets/{id}/notes", 201, 0.02)
    wanted = 'daybook_http_requests_total{method="POST",route="/tickets/{id}/notes",service="intake",status="201"} 1.0'
    assert wanted in lines_of(metrics)


def test_the_lag_stands_by_consumer_and_lane() -> None:
    metrics = Metrics("reporting")
    metrics.behind({"reporting": {0: 0, 7: 12}})
    assert 'daybook_consumer_behind{consumer="reporting",lane="7"} 12.0' in lines_of(metrics)


def test_two_processes_in_one_interpreter_do_not_share_counts() -> None:
    one, other = Metrics("a"), Metrics("b")
    one.event("ticket.submitted", "published")
    assert not any("submitted" in line for line in lines_of(other))

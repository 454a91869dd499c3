"""The figures of `make evaluate`, on rows small enough to check by hand."""

from __future__ import annotations

import pytest

from tests.evaluate.figures import interval, kappa, macro_f1, resampled

AGREED = [(1, 1), (2, 2), (3, 3)]


def test_full_agreement_is_one() -> None:
    assert macro_f1(AGREED) == kappa(AGREED) == 1.0


def test_always_the_same_answer_has_no_kappa() -> None:
    rows = [(1, 1), (1, 1), (1, 2), (1, 3)]
    assert kappa(rows) == 0.0
    assert macro_f1(rows) == pytest.approx((2 * 2 / 6) / 3)


def test_a_near_miss_costs_less_than_a_far_one() -> None:
    assert kappa([*AGREED, (2, 3)]) > kappa([*AGREED, (1, 3)])


def test_an_interval_narrows_with_seeds_and_is_left_out_for_one() -> None:
    assert interval([0.5]) == "0.500"
    assert interval([0.4, 0.5, 0.6]) == "0.500 ± 0.248 (3 seeds)"
    assert resampled(AGREED, macro_f1).startswith("1.000 [")

"""Rate limiting and adaptive concurrency."""

import pytest

from scf_mps.cos.rate_limit import AdaptiveConcurrency, RateLimiter, find_region_rate
from scf_mps.local.cos import Fault

from .support import at


def test_rate_depends_on_region():
    assert find_region_rate("ap-guangzhou") == find_region_rate("ap-beijing") == 30_000
    assert find_region_rate("ap-singapore") == find_region_rate("na-ashburn") == 3_000


def test_rate_allows_burst_then_spreads():
    now = [0.0]
    rates = RateLimiter(clock=lambda: now[0])
    assert rates.take("b", "ap-tokyo", "write", 300) == 0
    assert rates.take("b", "ap-tokyo", "write", 300) == pytest.approx(0.1)
    assert rates.take("b", "ap-tokyo", "read", 300) == 0
    now[0] = 10.0
    assert rates.take("b", "ap-tokyo", "write") == 0
    waits = [rates.take_key(at("a")) for _ in range(51)]
    assert waits[:50] == [0] * 50
    assert waits[50] == pytest.approx(0.02)
    for number in range(5000):
        assert rates.take_key(at(f"k/{number}")) == 0
    assert len(rates._keys) <= 4096


def test_concurrency_halves_once_and_recovers():
    now = [0.0]
    concurrency = AdaptiveConcurrency(8, clock=lambda: now[0])
    concurrency.slow_down()
    concurrency.slow_down()
    assert (concurrency.size, concurrency.halvings) == (4.0, 1)
    for _ in range(5):
        now[0] += 1
        concurrency.slow_down()
    assert concurrency.size == 1.0
    for _ in range(100):
        concurrency.succeed()
    assert concurrency.size == 8.0


def test_slow_down_halves_workers(emulator, cos):
    items = [at(f"s/{number}") for number in range(200)]
    emulator.faults.add(Fault("slow_down", count=5, retry_after=None))
    assert cos.exists(items) == [False] * 200
    assert cos._client.concurrency.halvings >= 1

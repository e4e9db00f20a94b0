"""The simulation of many workers: its limits are those of one worker, and of a ps that is busy."""

import cluster_growth as growth
import pytest


@pytest.mark.parametrize(("compute", "serve"), [(1.0, 0.1), (0.5, 0.5), (0.01, 2.0)])
def test_one_worker_and_a_busy_ps(compute, serve):
    load = growth.Load(compute, serve)
    for simulate in (growth.simulate_async, growth.simulate_sync):
        rates = [simulate(load, workers) for workers in (1, 2, 4, 10_000)]
        assert rates[0] == pytest.approx(1 / (compute + serve))
        assert rates == sorted(rates)
        assert rates[-1] == pytest.approx(1 / serve, rel=0.01)
    assert growth.find_limit(load) == pytest.approx((compute + serve) / serve)


def test_two_workers():
    """By hand: the second finds the first at the ps in half of the time, 1 s of 1 + 1."""
    assert growth.simulate_async(growth.Load(1.0, 1.0), 2) == pytest.approx(2 / (1 + 1.5))
    assert growth.simulate_sync(growth.Load(1.0, 1.0), 2) == pytest.approx(2 / 3)


@pytest.mark.parametrize("servers", [1, 4, 16])
def test_the_load_of_a_net(servers):
    times = growth.Times(3e9, 1e9, 2e9, {"demo_cnn": 10_000_000})
    load = growth.compute_load(times, "demo_cnn", servers)
    assert load.compute == pytest.approx(3 * 32 * 1e7 / 3e9)
    assert load.serve == pytest.approx(2_770_634 * 4 / servers * (2 / 1e9 + 1 / 2e9))

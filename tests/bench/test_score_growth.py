"""What scoring takes on many workers, computed: against values by hand, and a run by chance."""

import math

import numpy as np
import pytest
import score_growth as growth
from growth_options import OUT

DAY = 86400.0


@pytest.fixture
def times():
    """0.1 s a picture, 0.01 s a shard for the command; a start takes 5 + 3 s."""
    net = growth.NetTimes(start=5.0, decode=0.02, score=0.1, memory=10**9)
    return growth.Times(
        {"net": net},
        picture=1e5,
        row=100.0,
        publish=0.0,
        give=0.01,
        list=1e-4,
        hold=2000.0,
        cluster=8.0,
        respawn=3.0,
    )


def test_one_worker_and_a_busy_command(times):
    shards = 10**6
    busy = growth.compute_disturbed(times, "net", 1000)
    start = 8.0 + 5.0 + shards * 1e-4
    assert growth.compute_run(times, "net", 1000, 1) == pytest.approx(start + shards * busy)
    assert growth.compute_run(times, "net", 1000, 3) == pytest.approx(start + 333_334 * busy)
    limit = growth.find_limit(times, "net", 1000)
    assert limit == pytest.approx(busy / 0.01) and 10_000 < limit < 10_100
    for workers in (2 * round(limit), 10 * round(limit)):  # more add nothing
        assert growth.compute_run(times, "net", 1000, workers) == pytest.approx(start + 1e4)


@pytest.mark.parametrize("pictures", [1000, 100_000, 1_000_000])
def test_kills_cost_what_a_run_by_chance_says(times, pictures):
    """A shard of 0.001, 0.1 and 1.2 days in a worker that is killed once a day."""
    length, restart = pictures * 0.1, 8.0
    rng = np.random.default_rng(0)
    totals = []
    for _ in range(20_000):
        total = 0.0
        while (lived := rng.exponential(DAY)) < length:
            total += lived + restart
        totals.append(total + length)
    error = np.std(totals) / math.sqrt(len(totals))
    assert abs(growth.compute_disturbed(times, "net", pictures) - np.mean(totals)) < 4 * error
    assert growth.compute_loss(times, "net", pictures) == pytest.approx(8 + length / 2)


def test_shards_that_fail(times):
    """A shard of a day is cut off with 1 - 1/e, six times in a row."""
    times.nets["net"] = times.nets["net"]._replace(score=DAY / 1e6)
    wanted = 1000 * (1 - 1 / math.e) ** 6
    assert growth.compute_failed(times, "net", 10**6) == pytest.approx(wanted)


def test_the_tables_have_a_cell_for_each_head(times):
    tables = [table.split("\n") for table in "\n".join(growth.make_tables(times)).split("\n\n")]
    assert [len(table) for table in tables] == [3, 2 + 2 * len(growth.SHARDS)]
    for table in tables:
        assert len({line.count("|") for line in table}) == 1
    cells = [cell.strip() for cell in tables[0][2].split("|")]
    assert cells[1:5] == ["net", "20.0", "100.0", "10.0"]
    assert float(cells[7]) == pytest.approx(1e8 / DAY, rel=0.01)  # days of one worker
    cells = [cell.strip() for cell in tables[1][3].split("|")]
    assert cells[1:5] == ["net", "1000", "1000000", "100.0 s"]


def test_the_measured_times_are_read():
    times = growth.read_times(OUT / growth.TIMES)
    assert tuple(times.nets) == growth.NETS
    for net in times.nets.values():
        assert 0 < net.decode < net.score

"""Rates of a cluster: the start and the last row, which evaluates, are not counted."""

import cluster_throughput as throughput
import pytest


def test_a_slow_start_and_an_evaluation_do_not_count():
    times = {10: 100.0, 20: 140.0, 30: 145.0, 40: 147.0, 50: 149.0, 60: 190.0}
    rows = [throughput.Row(time, step) for step, time in times.items()]
    assert throughput.compute_rate(rows) == pytest.approx(20 / 4)  # from step 30 to 50 of 60


@pytest.mark.rare
def test_one_worker(tmp_path):
    data, run = tmp_path / "signs", tmp_path / "run"
    throughput.make_signs(data, per_class={"train": 8, "test": 1})
    result = throughput.measure(data, run, 1, False, 40)
    assert result.workers == 1 and not result.sync and result.steps_per_second > 0
    assert result.images_per_second == pytest.approx(32 * result.steps_per_second, rel=0.02)
    assert [row.step for row in throughput.read_rows(run / "events")] == [10, 20, 30, 40]

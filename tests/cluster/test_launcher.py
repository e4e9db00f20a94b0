"""The launcher: prefixes, restarts, the end of all, with small programs as tasks."""

import re
import signal
import subprocess
import sys
import time

import pytest

from legacy_nets.cli.cluster.launch import find_flags
from legacy_nets.cluster import launch

SLEEP = "import time; print('up', flush=True); time.sleep(60)"
FINE = "print('fine')"


def run(restarts=0, **programs):
    """Runs programs as ps, chief and so on; returns exit code, reports, and lines."""
    counts = {job: 1 for job in programs}
    plan = launch.Plan(
        counts.get("worker", 0), counts.get("ps", 0), "chief" in counts, "evaluator" in counts
    )
    commands = [
        (task, [sys.executable, "-c", programs[task.job]]) for task in launch.assign_tasks(plan)
    ]
    reports, lines = [], []
    launcher = launch.Launcher(restarts, reports.append, lines.append)
    code = launcher.run(commands)
    assert all(member.poll() is not None for member in launcher._members)
    return code, reports, lines


def test_lines_have_the_name_of_their_task_and_the_ps_is_ended():
    code, reports, lines = run(
        ps=SLEEP, worker=FINE, chief="import sys; sys.stderr.write('two\\n')"
    )
    assert code == 0 and reports == []
    assert {"[worker 0] fine", "[chief 0] two"} <= set(lines)


def test_a_task_that_fails_ends_all():
    code, reports, _ = run(ps=SLEEP, chief=SLEEP, worker="raise SystemExit(3)", restarts=5)
    assert code == 3
    assert reports == ["worker 0 failed with exit code 3: all tasks are ended"]


def test_a_killed_task_is_restarted_as_often_as_it_may(tmp_path):
    program = (
        f"import os; open({str(tmp_path / 'starts')!r}, 'a').write('.'); os.kill(os.getpid(), 9)"
    )
    code, reports, _ = run(ps=SLEEP, worker=program, restarts=2)
    assert code == 128 + signal.SIGKILL
    assert (tmp_path / "starts").read_text() == "..."
    assert reports[:2] == [f"worker 0 was killed by SIGKILL: restart {n} of 2" for n in (1, 2)]
    assert reports[2].startswith("worker 0 was killed by SIGKILL after 2 restarts: all tasks")


def test_a_restarted_task_may_end_well(tmp_path):
    path = str(tmp_path / "started")
    program = (
        f"import os\nif not os.path.exists({path!r}):\n  open({path!r}, 'w'); "
        "os.kill(os.getpid(), 9)\nprint('second')"
    )
    code, reports, lines = run(ps=SLEEP, worker=program, restarts=1)
    assert code == 0 and len(reports) == 1 and "[worker 0] second" in lines


def test_workers_that_outlive_the_chief_are_ended(monkeypatch):
    monkeypatch.setattr(launch, "GRACE", 0.3)
    code, reports, _ = run(ps=SLEEP, chief=FINE, worker=SLEEP)
    assert code == 0
    assert reports == ["the chief has ended, worker 0 not: ended after 0 s"]


def test_an_evaluator_goes_on_after_workers_were_ended(tmp_path, monkeypatch):
    """It waits for the end of the late worker, which is not restarted."""
    monkeypatch.setattr(launch, "GRACE", 0.3)
    path = str(tmp_path / "worker")
    evaluator = (
        f"import os, time\nfor _ in range(300):\n  time.sleep(0.1)\n"
        f"  if os.path.exists({path!r}):\n    process = int(open({path!r}).read() or 0)\n"
        "    try:\n      os.kill(process, 0)\n    except ProcessLookupError:\n"
        "      raise SystemExit(print('evaluated'))\nraise SystemExit(5)"
    )
    chief = f"import os, time\nwhile not os.path.exists({path!r}): time.sleep(0.1)"
    worker = f"import os; open({path!r}, 'w').write(str(os.getpid()))\n{SLEEP}"
    code, reports, lines = run(
        ps=SLEEP, chief=chief, worker=worker, evaluator=evaluator, restarts=2
    )
    assert code == 0 and "[evaluator 0] evaluated" in lines
    assert reports == ["the chief has ended, worker 0 not: ended after 0 s"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_stays_when_launch_is_stopped(tmp_path, number):
    """Each task writes the number of its process; after the signal none of them runs."""
    script = tmp_path / "forever.py"
    script.write_text(
        "import os, sys, time\nprint('process', os.getpid(), flush=True)\n"
        "while True: time.sleep(1)\n"
    )
    command = [sys.executable, "-m", "legacy_nets", "launch", "--workers", "2", "--ps", "1", "--"]
    with subprocess.Popen(
        [*command, "run", str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as launcher:
        started = {}
        while len(started) < 3:
            match = re.fullmatch(r"\[(.+)\] process (\d+)\n", launcher.stdout.readline())
            started[match[1]] = int(match[2])
        assert set(started) == {"ps 0", "worker 0", "worker 1"}
        launcher.send_signal(number)
        expected = {signal.SIGINT: 130, signal.SIGTERM: 143}.get(number, -number)
        try:
            assert launcher.wait(timeout=30) == expected
        finally:
            launcher.kill()  # one that is late, as where SIGINT is ignored, would be waited for
    deadline = time.monotonic() + 20
    while any(is_running(process) for process in started.values()):
        assert time.monotonic() < deadline


def is_running(process):
    try:
        with open(f"/proc/{process}/stat") as file:  # a zombie that nobody waits for has ended
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_tasks_speak_the_language_of_launch(tmp_path):
    command = [sys.executable, "-m", "legacy_nets", "launch", "--lang", "zh", "--ps", "0", "--"]
    absent = str(tmp_path / "absent.py")
    done = subprocess.run([*command, "run", absent], capture_output=True, text=True, timeout=60)
    assert f"[worker 0] legacy-nets: {absent}：无法读取" in done.stdout
    assert done.stderr == "launch: worker 0 失败，退出码为 2：所有任务都已结束\n"
    assert done.returncode == 2
    done = subprocess.run(
        [*command, "run", "--lang", "en", absent], capture_output=True, text=True, timeout=60
    )
    assert f"[worker 0] legacy-nets: {absent}: cannot be read" in done.stdout


def test_flags_are_those_that_a_script_or_its_modules_define(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text("from lib import options\nimport absent\n")
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "options.py").write_text(
        "flags.DEFINE_string('job_name', '')\nflags.DEFINE_integer('task_id', 0)\n"
        "parser.add_argument('--ps_hosts')\n"
    )
    assert find_flags(("train.py", "--x")) == ["job_name", "task_id", "ps_hosts"]
    (tmp_path / "estimator.py").write_text("print('job_name is a word of a longer text')\n")
    assert find_flags(("estimator.py",)) == []
    assert find_flags(("-m", "lib.options")) == []


@pytest.mark.parametrize(
    "files",
    [
        {"train.py": "import lib\n", "lib/__init__.py": "FLAG"},
        {"train.py": "import lib.sub\n", "lib/sub/__init__.py": "FLAG"},
        {"train.py": "import lib.a\n", "lib/a.py": "from .b import x\n", "lib/b.py": "FLAG"},
        {"train.py": "import lib.a\n", "lib/a.py": "from . import b\n", "lib/b.py": "FLAG"},
        {"train.py": "import a.b.c\n", "a/b/c.py": "from ..d import x\n", "a/d.py": "FLAG"},
    ],
    ids=["package", "package in a package", "relative", "from the package", "two levels"],
)
def test_flags_in_packages_are_found(files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("FLAG", "flags.DEFINE_string('job_name', '')\n"))
    assert find_flags(("train.py",)) == ["job_name"]

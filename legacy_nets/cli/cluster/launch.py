"""``legacy-nets launch``: starts a cluster on this machine."""

from __future__ import annotations

import ast
import pathlib
import sys

import click

from legacy_nets.cluster.launch import FLAGS, Launcher, Plan, assign_tasks, make_flags
from legacy_nets.cluster.task import Task
from legacy_nets.errors import BadInputError
from legacy_nets.language.lines import say
from legacy_nets.sigterm import end_on_sigterm

_COMMANDS = ("train", "run")


@click.command(context_settings={"ignore_unknown_options": False})
@click.option("--workers", type=click.IntRange(0), default=1, show_default=True, help="Workers.")
@click.option(
    "--ps",
    "parameter_servers",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="Parameter servers, which hold the variables.",
)
@click.option("--chief", "has_chief", is_flag=True, help="Add a chief; else worker 0 is the chief.")
@click.option("--master", "has_master", is_flag=True, help="Add a chief named master.")
@click.option("--evaluator", "has_evaluator", is_flag=True, help="Add a task that evaluates.")
@click.option(
    "--restarts",
    type=click.IntRange(0),
    default=3,
    show_default=True,
    help="Restarts of each task that a signal kills.",
)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@end_on_sigterm()
def launch(
    workers: int,
    parameter_servers: int,
    has_chief: bool,
    has_master: bool,
    has_evaluator: bool,
    restarts: int,
    command: tuple[str, ...],
) -> None:
    """Run COMMAND, train or run, in each task of a cluster on this machine.

    Each task gets TF_CONFIG. Scripts that define --job_name, --task_index (or --task_id),
    --ps_hosts and --worker_hosts get those, too. Those of tf.contrib.learn need --master. The
    tasks listen on free ports.

    \b
    legacy-nets launch --workers 2 --ps 1 -- train hand_signs --model-dir run
    legacy-nets launch --workers 2 --ps 1 -- run mnist_replica.py --train_steps=200
    """
    if command[0] not in _COMMANDS:
        raise BadInputError(
            f"launch starts {' or '.join(_COMMANDS)}, not {command[0]!r}: write legacy-nets launch "
            "--workers 2 -- train NET ..."
        )
    if has_chief and has_master:
        raise BadInputError("--chief and --master both name the chief: give one of them")
    chief_job = "master" if has_master else "chief"
    plan = Plan(workers, parameter_servers, has_chief or has_master, has_evaluator, chief_job)
    plan.check()
    names = find_flags(command[1:]) if command[0] == "run" else []
    if names and has_evaluator:
        raise BadInputError("the script takes flags of workers and ps: leave --evaluator out")
    commands = [(task, _make_command(task, command, names)) for task in assign_tasks(plan)]
    launcher = Launcher(
        restarts,
        report=lambda line: say(f"launch: {line}", err=True),
        write=click.echo,
    )
    try:
        code = launcher.run(commands)
    except KeyboardInterrupt:
        say("launch: stopped by SIGINT", err=True)
        code = 130
    raise SystemExit(code)


def _make_command(task: Task, command: tuple[str, ...], names: list[str]) -> list[str]:
    """Makes the command of a task, with the flags of those names."""
    values = make_flags(task) if names else {}
    flags = [f"--{name}={values[name]}" for name in names]
    return [sys.executable, "-u", "-m", "legacy_nets", *command, *flags]


def find_flags(arguments: tuple[str, ...]) -> list[str]:
    """Finds the names of flags for a cluster that a script and its own modules define.

    They are found as strings in the source: ``flags.DEFINE_string("job_name", ...)``.
    """
    script = next((each for each in arguments if each.endswith(".py")), None)
    if script is None:
        return []
    strings: set[str] = set()
    waiting, seen = [pathlib.Path(script)], set[pathlib.Path]()
    while waiting:
        path = waiting.pop()
        if path in seen or not path.is_file():
            continue
        seen.add(path)
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError):
            continue  # legacy-nets run explains that
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                strings.add(node.value.lstrip("-"))
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                waiting += _list_modules(node, path, pathlib.Path(script).parent)
    return [name for name in FLAGS if name in strings]


def _list_modules(
    node: ast.Import | ast.ImportFrom, importer: pathlib.Path, folder: pathlib.Path
) -> list[pathlib.Path]:
    """Lists the files that an import may mean.

    They are below the script's ``folder`` or the current one; those of a relative import are below
    the package of the file that imports them.
    """
    names = [alias.name for alias in node.names]
    roots = [folder, pathlib.Path.cwd()]
    if isinstance(node, ast.ImportFrom):
        names = [node.module or "", *(f"{node.module or ''}.{name}" for name in names)]
        if node.level:
            roots = list(importer.parents)[node.level - 1 : node.level]
    paths = [name.strip(".").replace(".", "/") for name in names]
    files = [f"{path}.py" for path in paths if path]
    files += [str(pathlib.PurePath(path, "__init__.py")) for path in paths]
    return [root / file for file in files for root in roots]

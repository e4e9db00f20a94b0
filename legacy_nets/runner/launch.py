"""Runs a script or module as ``python`` would, with TensorFlow 1 in its own modules."""

from __future__ import annotations

import atexit
import builtins
import importlib.util
import io
import os
import signal
import sys
import sysconfig
import traceback
import types
from collections.abc import Sequence

from legacy_nets import run_options
from legacy_nets.errors import BadInputError
from legacy_nets.language.lines import say
from legacy_nets.runner import behaviour, hook, missing_packages, numpy_1, rewrite, tf1_libraries
from legacy_nets.types import NotebookShell

_interrupted: list[bool] = []
_RUNNER = os.path.dirname(os.path.abspath(__file__))


def run_script(path: str, arguments: Sequence[str], also: Sequence[str] = ()) -> None:
    """Runs ``python path arguments``; ends with SystemExit, as the script does.

    Installed libraries whose names are in ``also`` are treated as the script's own.
    Raises BadInputError where there is no such script, or it cannot be read.
    """
    if os.path.isdir(path):
        inner = os.path.join(path, "__main__.py")
        if not os.path.isfile(inner):
            raise BadInputError(f"{path} is a folder without __main__.py: name the script in it")
        folder, path = path, inner
    else:
        folder = os.path.dirname(os.path.realpath(path))
    source = _read_source(path)
    _prepare(folder, [path, *arguments], also)
    path = os.path.abspath(path)
    _execute(path, source, _make_main(path))


def run_module(name: str, arguments: Sequence[str], also: Sequence[str] = ()) -> None:
    """Runs ``python -m name arguments``. Raises BadInputError where there is no such module.

    Installed libraries whose names are in ``also`` are treated as the script's own.
    """
    _prepare(os.getcwd(), ["-m", *arguments], also)
    try:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.submodule_search_locations is not None:
            spec = importlib.util.find_spec(f"{name}.__main__")
    except (ImportError, ValueError) as error:
        raise BadInputError(f"-m {name}: {error}: run it from the folder above it") from None
    if spec is None or not spec.origin or not os.path.isfile(spec.origin):
        raise BadInputError(f"-m {name}: no such module: run it from the folder above it")
    sys.argv[0] = spec.origin
    main = _make_main(spec.origin)
    main.__spec__ = spec
    main.__package__ = spec.parent
    _execute(spec.origin, _read_source(spec.origin), main)


def _read_source(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise BadInputError(f"{path}: cannot be read ({error.strerror}): name a script") from None


def _prepare(folder: str, argv: list[str], also: Sequence[str]) -> None:
    """Sets sys.argv and sys.path as the script expects them, and hooks imports and spawns."""
    pythonpath, libraries = _read_pythonpath(), _find_libraries()
    behaviour.set_environment()
    sys.argv[:] = argv
    sys.path[0:1] = [folder]
    roots = [folder, os.getcwd(), *pythonpath]
    tf1_libraries.check_names(also)
    hook.install(roots, libraries, also=also)
    numpy_1.hide_warnings(hook.is_own_file)
    _hook_spawned_processes(roots, libraries, also)
    atexit.register(_die_if_interrupted)  # the first registered is the last called


def _read_pythonpath() -> list[str]:
    return [p for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p]


def _find_libraries() -> list[str]:
    """Finds the folders whose modules are not the script's own."""
    own = {os.path.realpath(p) for p in ("", *_read_pythonpath())}
    installed = [p for p in sys.path[1:] if p and os.path.realpath(p) not in own]
    return [*installed, *(sysconfig.get_paths()[key] for key in ("stdlib", "platstdlib"))]


def load_into_notebook(shell: NotebookShell) -> None:
    """Shows TensorFlow 1 to all later cells, and to modules next to them: ``%load_ext``.

    Args:
      shell: IPython's InteractiveShell.
    """
    behaviour.set_environment()
    hook.install([os.getcwd(), *_read_pythonpath()], _find_libraries(), owns_cells=True)
    if not any(isinstance(each, rewrite.CallRewriter) for each in shell.ast_transformers):
        shell.ast_transformers.append(rewrite.CallRewriter())  # only once, also on %reload_ext


def _hook_spawned_processes(roots: list[str], libraries: list[str], also: Sequence[str]) -> None:
    """Installs the hook in processes that multiprocessing spawns, too."""
    from multiprocessing import spawn

    real = spawn.get_command_line

    def get_command_line(**options: object) -> list[str]:
        command = real(**options)
        if "-c" in command:
            index = command.index("-c") + 1
            start = (
                "from legacy_nets.runner import hook; from legacy_nets import run_options; "
                f"run_options.is_run, run_options.tf2 = {run_options.is_run}, {run_options.tf2}; "
                f"run_options.data = {run_options.data!r}; "
                f"hook.install({roots!r}, {libraries!r}, also={tuple(also)!r}); "
            )
            command[index] = start + command[index]
        return command

    spawn.get_command_line = get_command_line


def _make_main(path: str) -> types.ModuleType:
    main = types.ModuleType("__main__")
    vars(main).update(__file__=path, __builtins__=builtins, __cached__=None)
    sys.modules["__main__"] = main
    return main


def _execute(path: str, source: bytes, main: types.ModuleType) -> None:
    try:
        exec(rewrite.compile_source(source, path), vars(main))
    except SystemExit:
        raise
    except KeyboardInterrupt as error:
        _print_traceback(error)
        _interrupted.append(True)
        raise SystemExit(130) from None
    except BaseException as error:
        _print_traceback(error)
        explanation = missing_packages.explain_missing_module(error)
        if explanation is None and not run_options.tf2:
            explanation = hook.explain_failure(error)
        explanation = explanation or numpy_1.explain_error(error)
        if explanation:
            say(f"legacy-nets: {explanation}", err=True)
        elif isinstance(error, SyntaxError):
            _explain_syntax(error)
        elif not run_options.tf2 and (b"tf.function" in source or b"GradientTape" in source):
            say(f"legacy-nets: {path} looks like TensorFlow 2: run --tf2 {path}", err=True)
        _flush()
        raise SystemExit(1) from None


def _print_traceback(error: BaseException) -> None:
    """Prints a traceback as ``python`` does, without the frames of the launcher and its hook."""
    text = io.StringIO()
    report = traceback.TracebackException.from_exception(error)
    _drop_frames(report, set())
    for line in report.format():
        text.write(line)
    print(text.getvalue(), end="", file=sys.stderr)


def _drop_frames(report: traceback.TracebackException | None, seen: set[int]) -> None:
    if report is None or id(report) in seen:
        return
    seen.add(id(report))
    kept = [f for f in report.stack if not os.path.abspath(f.filename).startswith(_RUNNER + os.sep)]
    report.stack = traceback.StackSummary.from_list(kept)
    _drop_frames(report.__cause__, seen)
    _drop_frames(report.__context__, seen)


def _explain_syntax(error: SyntaxError) -> None:
    say(
        f"legacy-nets: {error.filename}, line {error.lineno}: not Python 3 ({error.msg}): if it "
        "is Python 2, convert it with 2to3 (pip install 2to3) and run it again",
        err=True,
    )


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass


def _die_if_interrupted() -> None:
    """Ends by SIGINT after Ctrl-C, as python does, so that a shell sees why."""
    if _interrupted:
        _flush()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)

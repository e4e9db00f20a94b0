"""The command line: ``legacy-nets``. Commands import TensorFlow only when they need it."""

from __future__ import annotations

import errno
import importlib
import io
import os
import re
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import click

from legacy_nets import language
from legacy_nets.cluster import lifeline
from legacy_nets.errors import LegacyNetsError, join_lines, suggest_names
from legacy_nets.language import translate
from legacy_nets.language.help import HelpContext
from legacy_nets.language.lines import translate_line
from legacy_nets.version import __version__

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class Entry(NamedTuple):
    """A command: where its function is, and what it does, as ``--help`` lists it."""

    location: str  # "module:function" in this package; the module is imported on use
    summary: str


COMMANDS = {
    "nets": Entry("nets:nets", "List the nets."),
    "describe": Entry(
        "describe:describe", "List the layers of a net or of a graph, with their cost."
    ),
    "explain": Entry("explain:explain", "Walk through a net, block by block."),
    "book": Entry("book:book", "Write the book's part on a net or document as one HTML file."),
    "facts": Entry("documents.facts:facts", "Measure the claims of a document on the live graph."),
    "errata": Entry("documents.errata:errata", "Show the errors of a document, and their fixes."),
    "pitfalls": Entry(
        "documents.pitfalls:pitfalls", "Run the pitfalls of TensorFlow 1, and their fixes."
    ),
    "run": Entry("run:run", "Run a TensorFlow 1 script, unmodified."),
    "upgrade": Entry("upgrade:upgrade", "Rewrite scripts for today's TensorFlow."),
    "train": Entry("train:train", "Train a net."),
    "launch": Entry("cluster.launch:launch", "Run train or a script on a cluster of tasks."),
    "evaluate": Entry(
        "inference.evaluate:evaluate", "Compute a checkpoint's accuracy and confusion matrix."
    ),
    "predict": Entry("inference.predict:predict", "Predict the classes of pictures."),
    "score": Entry("inference.score:score", "Score any number of pictures, shard by shard."),
    "records": Entry("records:records", "Write a data set as TFRecord files."),
    "inspect": Entry("inspect:inspect_command", "Show what is in a weight file."),
    "diff": Entry("diff:diff", "Compare a weight file with a net's variables."),
    "port": Entry("port:port", "Port a checkpoint or graph to another format, verified."),
    "doctor": Entry("doctor:doctor", "Print versions, processor, GPUs, and what is missing."),
}
ALIASES = {"traps": "pitfalls"}  # older name -> name


def _choose_language(context: click.Context, _: click.Parameter, name: str | None) -> None:
    if name is not None:  # for the complete call: errors are printed after the command's context
        context.find_root().with_resource(language.use_language(name))


def _make_language_option(variable: str | None) -> click.Option:
    return click.Option(
        ["--lang"],
        type=click.Choice(list(language.LOCALES)),
        envvar=variable,
        is_eager=True,
        expose_value=False,
        callback=_choose_language,
        help=f"Language of texts. [default: en, or {language.VARIABLE}]",
    )


class _HelpOption(click.Option):
    """--help in the language of --lang, before or after it: click would print it at once."""

    def handle_parse_result(
        self, context: click.Context, options: Mapping[str, Any], args: list[str]
    ) -> tuple[Any, list[str]]:
        if options.get("lang") in language.LOCALES:
            _choose_language(context, self, options["lang"])
        return super().handle_parse_result(context, options, args)


def _print_help(context: click.Context, _: click.Parameter, is_asked: bool) -> None:
    if is_asked and not context.resilient_parsing:
        click.echo(context.get_help(), color=context.color)
        context.exit()


_LANGUAGE = _make_language_option(None)  # one for all commands
_HELP = _HelpOption(
    ["-h", "--help"],
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_help,
    help="Show this message and exit.",
)


class CommandLine(click.Group):
    """Imports commands on use, and reports every expected error in one line, with exit code 2."""

    context_class = HelpContext

    def list_commands(self, context: click.Context) -> list[str]:
        """Lists the commands in the order of the table, without aliases."""
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Imports a command by its name or alias; returns None for an unknown name."""
        entry = COMMANDS.get(ALIASES.get(name, name))
        if entry is None:
            return None
        module, function = entry.location.split(":")
        command: click.Command = getattr(importlib.import_module(f"{__name__}.{module}"), function)
        if _LANGUAGE not in command.params:
            command.params += [_LANGUAGE, _HELP]
            command.add_help_option = False
            command.context_class = HelpContext
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists the commands with their summaries, and imports none of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])

    def shell_complete(self, context: click.Context, incomplete: str) -> list[CompletionItem]:
        """Completes the name of a command, and imports none of them."""
        from click.shell_completion import CompletionItem

        commands = [
            CompletionItem(name, help=entry.summary)
            for name, entry in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return commands + click.Command.shell_complete(self, context, incomplete)

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Runs the commands as click does; a shell that asks for completions gets ours."""
        if "_LEGACY_NETS_COMPLETE" in os.environ:
            from legacy_nets.cli.completion import add_shells

            add_shells()
        return super().main(*arguments, **options)

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Parses the options before the command. Prints a usage error as one line."""
        has_arguments = bool(args)
        name = os.environ.get(language.VARIABLE)
        if name in language.LOCALES:  # before --help, which click does first
            context.with_resource(language.use_language(name))
        try:
            return super().parse_args(context, args)
        except click.exceptions.Exit:  # the help is printed
            context.close()
            raise
        except click.UsageError as error:
            if not has_arguments:
                raise  # click prints the help
            self._exit(context, error)

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Finds the command that the arguments name. Raises UsageError with the nearest names."""
        name = args[0]
        if self.get_command(context, name) is None and not name.startswith("-"):
            near = suggest_names(name, COMMANDS)
            raise click.UsageError(f"No such command {name!r}{near}", context)
        return super().resolve_command(context, args)

    def invoke(self, context: click.Context) -> object:
        """Runs a command. Prints an expected error as one line on stderr, not as a traceback."""
        try:
            return super().invoke(context)
        except (LegacyNetsError, click.UsageError, MemoryError, OSError) as error:
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                raise  # the reader of our output has closed it: click handles that
            self._exit(context, error)

    def _exit(self, context: click.Context, error: Exception) -> NoReturn:
        click.echo(f"legacy-nets: {_explain(error)}", err=True)
        context.exit(2)


_NUMBER = re.compile(r"a valid (integer|float)( range)?(?=\.)")  # click's words


def _name_number(match: re.Match[str]) -> str:
    return "a whole number" if match[1] == "integer" else "a number"


def _explain(error: Exception) -> str:
    """Formats an error as one line: what is wrong, where, what to do."""
    if isinstance(error, click.UsageError):
        command = error.ctx.command_path if error.ctx else "legacy-nets"
        message = _NUMBER.sub(_name_number, join_lines(error.format_message()))
        see = translate("{message} (see {command} --help)")
        return see.format(message=translate_line(message), command=command)
    if isinstance(error, MemoryError):
        details = f" ({error})" if str(error) else ""
        memory = translate("out of memory{details}: use smaller images or batches")
        return memory.format(details=details)
    if isinstance(error, OSError) and not isinstance(error, LegacyNetsError):
        system = translate("{error}: check the path, its permissions and the free disk space")
        return system.format(error=translate_line(str(error)))
    return translate_line(str(error))


@click.group(
    cls=CommandLine,
    add_help_option=False,
    params=[_make_language_option(language.VARIABLE), _HELP],
    epilog="Aliases: " + ", ".join(f"{alias} = {name}" for alias, name in ALIASES.items()),
)
@click.version_option(__version__, prog_name="legacy-nets")
@click.pass_context
def main(context: click.Context) -> None:
    """Run, learn and port TensorFlow 1 networks on today's TensorFlow.

    \b
    legacy-nets nets                                   all nets
    legacy-nets describe resnet_v2_50                  layers, cost and receptive fields
    legacy-nets explain hand_signs                     a guided walk through a net
    legacy-nets facts 002                              claims of a document, measured
    legacy-nets errata hand_signs                      errors in a document's code, and fixes
    legacy-nets pitfalls T03 --code                    a pitfall of TensorFlow 1, and its fix
    legacy-nets run train.py --epochs 3                a TensorFlow 1 script, unmodified
    legacy-nets upgrade train.py --out ported          its source, ported
    legacy-nets train hand_signs --model-dir run       training on synthetic hand signs
    legacy-nets launch --workers 2 -- train hand_signs --model-dir run
    legacy-nets evaluate hand_signs --checkpoint run   accuracy, confusion matrix
    legacy-nets predict hand_signs --checkpoint run photo.jpg
    legacy-nets score hand_signs --checkpoint run --input 'shards/*' --output scores
    legacy-nets records --data photos --out records    a data set as TFRecord files
    legacy-nets inspect run                            contents of a weight file
    legacy-nets diff unknown.ckpt --find-net           the net that a weight file matches
    legacy-nets port run --net hand_signs --to onnx --out signs.onnx
    """
    if lifeline.VARIABLE in os.environ:  # in a task that launch has started
        lifeline.hold_lifeline()
    if context.invoked_subcommand != "run":  # a script decides itself
        _pass_any_name(context, sys.stdin, "surrogateescape")
        _pass_any_name(context, sys.stdout, "backslashreplace")


def _pass_any_name(context: click.Context, stream: object, errors: str) -> None:
    """Lets a stream have names of files with bytes that are no text, which is an error otherwise.

    ``errors``: what becomes of such bytes, until the command ends.
    """
    if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
        stream.reconfigure(errors=errors)
        context.call_on_close(lambda: stream.reconfigure(errors="strict"))

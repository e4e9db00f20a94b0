"""The one door: ``legacy-nets``. Commands import TensorFlow only when they start to work."""

from __future__ import annotations

import errno
import importlib
from typing import Any

import click

import legacy_nets
from legacy_nets.errors import LegacyNetsError

COMMANDS = {  # name -> "module:function" below this package, imported when it is called
    "nets": "nets:nets",
    "describe": "describe:describe",
    "explain": "explain:explain",
    "facts": "facts:facts",
    "errata": "facts:errata",
    "traps": "pitfalls:traps",
    "run": "run:run",
    "upgrade": "upgrade:upgrade",
    "train": "train:train",
    "evaluate": "evaluate:evaluate",
    "predict": "evaluate:predict",
    "inspect": "inspect:inspect_command",
    "diff": "diff:diff",
    "port": "port:port",
}


class _Door(click.Group):
    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, function = COMMANDS[name].split(":")
        command: click.Command = getattr(importlib.import_module(f"{__name__}.{module}"), function)
        return command

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except LegacyNetsError as error:  # one line on stderr, never a traceback
            click.echo(f"legacy-nets: {error}", err=True)
            context.exit(2)
        except click.UsageError as error:
            path = error.ctx.command_path if error.ctx else "legacy-nets"
            click.echo(f"legacy-nets: {error.format_message()} (see {path} --help)", err=True)
            context.exit(2)
        except MemoryError as error:
            why = str(error) or "take smaller pictures or batches"
            click.echo(f"legacy-nets: more memory is needed than there is ({why})", err=True)
            context.exit(2)
        except OSError as error:
            if error.errno == errno.EPIPE:  # the reader of our output has gone: click's business
                raise
            click.echo(f"legacy-nets: {error}: check the path, its rights and the disk", err=True)
            context.exit(2)


@click.group(cls=_Door, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(legacy_nets.__version__, prog_name="legacy-nets")
def main() -> None:
    """Run, learn and port TensorFlow 1 networks on today's TensorFlow.

    \b
    legacy-nets nets                                   what there is
    legacy-nets describe resnet_v2_50                  its layers, what they cost and see
    legacy-nets explain hand_signs                     a walk through it, for a reader
    legacy-nets facts 002                              what a document states, measured
    legacy-nets errata hand_signs                      where its code errs, and the mend
    legacy-nets traps T03 --code                       a pitfall of TensorFlow 1, and its cure
    legacy-nets run train.py --epochs 3                a script of that time, as it is
    legacy-nets upgrade train.py --out ported          its source, carried over
    legacy-nets train hand_signs --model-dir run       learn hand signs (synthetic data)
    legacy-nets evaluate hand_signs --checkpoint run   accuracy, confusion matrix
    legacy-nets predict hand_signs --checkpoint run photo.jpg
    legacy-nets inspect run                            what is in a weight file
    legacy-nets diff unknown.ckpt --fit                which net it fits, and how
    legacy-nets port run --net hand_signs --to onnx --out signs.onnx
    """

"""The one door: ``legacy-nets``. Commands import TensorFlow only when they start to work."""

from __future__ import annotations

import errno
from typing import Any

import click

import legacy_nets
from legacy_nets.cli.describe import describe
from legacy_nets.cli.evaluate import evaluate
from legacy_nets.cli.evaluate import predict
from legacy_nets.cli.facts import errata
from legacy_nets.cli.facts import facts
from legacy_nets.cli.nets import nets
from legacy_nets.cli.run import run
from legacy_nets.cli.train import train
from legacy_nets.errors import LegacyNetsError


class _Door(click.Group):
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
    legacy-nets facts 002                              what a document states, measured
    legacy-nets errata hand_signs                      where its code errs, and the mend
    legacy-nets train hand_signs --model-dir run       learn hand signs (synthetic data)
    legacy-nets evaluate hand_signs --checkpoint run   accuracy, confusion matrix
    legacy-nets predict hand_signs --checkpoint run photo.jpg
    """


for command in (nets, describe, facts, errata, run, train, evaluate, predict):
    main.add_command(command)

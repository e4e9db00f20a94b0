"""What the shells complete: the names of nets. Commands, options, formats and paths are click's."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

from legacy_nets import registry


def complete_net(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Returns the nets whose names begin so, each with its document."""
    return [
        CompletionItem(name, help=f"document {registry.get_net(name).document}")
        for name in registry.list_nets()
        if name.startswith(incomplete)
    ]


def complete_net_or_path(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Returns the nets whose names begin so; a path where there is none."""
    nets = complete_net(context, parameter, incomplete)
    return nets or [CompletionItem(incomplete, type="file")]

"""What the shells complete: the names of nets, and values after an equals sign (``--to=o``).

Commands, options, formats and paths are click's.
"""

from __future__ import annotations

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
)

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


class Bash(BashComplete):
    """bash divides ``--to=o`` into three words, and replaces the last of them."""

    def get_completion_args(self) -> tuple[list[str], str]:
        """Joins such words; an option before the word that is completed stays alone."""
        words, incomplete = super().get_completion_args()
        joined: list[str] = []
        for word in words:
            if joined and (word == "=" or joined[-1].endswith("=")):
                joined[-1] += word
            else:
                joined.append(word)
        if incomplete != "=" and joined and joined[-1].endswith("="):
            joined[-1] = joined[-1].removesuffix("=")
        return joined, incomplete


class _ReplacingComplete(ShellComplete):
    """zsh and fish replace the complete word ``--to=o``."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        """Returns values with the option before them; it would be erased. Paths have none."""
        items = super().get_completions(args, incomplete)
        option, equals, _ = incomplete.partition("=")
        if not equals or not option.startswith("-"):
            return items
        return [
            CompletionItem(f"{option}={item.value}", item.type, item.help)
            for item in items
            if item.type == "plain"
        ]


class Zsh(_ReplacingComplete, ZshComplete):
    """See ``_ReplacingComplete``."""


class Fish(_ReplacingComplete, FishComplete):
    """See ``_ReplacingComplete``; its script ends the help of a word at the first comma."""

    def format_completion(self, item: CompletionItem) -> str:
        """Formats a word and its help, without commas."""
        text = item.help and item.help.replace(",", ";")
        return super().format_completion(CompletionItem(item.value, item.type, text))


def add_shells() -> None:
    """Adds the classes of the shells, in the place of click's."""
    for shell in (Bash, Zsh, Fish):
        add_completion_class(shell)

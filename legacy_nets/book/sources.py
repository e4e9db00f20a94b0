"""The source of a net beside its layers: which line builds which layer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from legacy_nets.anatomy import Layer
from legacy_nets.book import html
from legacy_nets.documents import blocks
from legacy_nets.types import Graph


class Sources:
    """The files that build the layers of one net or several, and their lines."""

    def __init__(self) -> None:
        self._layers: dict[str, dict[int, dict[str, str]]] = {}  # path -> line -> row id -> name

    def add(self, net: str, layers: Iterable[Layer], graph: Graph) -> dict[str, str]:
        """Adds the layers of a net; returns the id of the line of each, by the layer's name.

        Args:
          net: name in the ids of the layers' rows (``make_layer_id``).
          layers: of the net; those that no line of ``nets/`` builds are passed over.
          graph: that the layers are of.
        """
        places = {}
        for layer in layers:
            source = blocks.locate_layer(layer, graph)
            if source is not None:
                lines = self._layers.setdefault(source.path, {})
                lines.setdefault(source.line, {})[make_layer_id(net, layer.name)] = layer.name
                places[layer.name] = html.make_line_id(source.path, source.line)
        return places

    def list_files(self) -> Iterator[tuple[str, str]]:
        """Lists every file with its lines as HTML; each line links to the layers it builds."""
        for path, layers in self._layers.items():
            text = (blocks.PACKAGE.parent / path).read_text("utf-8")
            yield path, html.write_source(path, text.splitlines(), layers)


def make_layer_id(net: str, layer: str) -> str:
    """Makes the id of a layer's row."""
    return html.make_id("layer", net, layer)

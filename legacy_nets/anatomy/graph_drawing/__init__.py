"""Pictures of a net's graph: its stages and layers, and what each reads.

    graph_drawing.draw_svg("inception_v3")                     text of an SVG for a page of HTML
    graph = graph_drawing.make_layer_graph_of_net("inception_v3")
    graph_drawing.write_png(graph_drawing.fold_stages(graph), "inception_v3.png")

``LayerGraph`` is the picture as data: nodes and edges without places. Drawing needs igraph, from
the extra ``figures``.
"""

from __future__ import annotations

import inspect
import pathlib

from legacy_nets import anatomy, registry
from legacy_nets import tf1 as tf
from legacy_nets.anatomy.graph_drawing.layer_graph import (
    LayerGraph,
    Node,
    fold_stages,
    make_layer_graph,
)
from legacy_nets.anatomy.graph_drawing.layout import lay_out
from legacy_nets.anatomy.graph_drawing.png import draw_layout
from legacy_nets.anatomy.graph_drawing.svg import write_svg
from legacy_nets.drawing import use_fonts
from legacy_nets.nets.build import load_function
from legacy_nets.types import EndPoints, Tensor

__all__ = [
    "LayerGraph",
    "Node",
    "draw_svg",
    "fold_stages",
    "make_layer_graph",
    "make_layer_graph_of_net",
    "make_layer_graph_of_tensors",
    "write_png",
    "write_svg",
]


def make_layer_graph_of_net(
    name: str, size: tuple[int | None, ...] | None = None, **options: object
) -> LayerGraph:
    """Makes the graph of the layers of a net; arguments and errors as in ``build_net``.

    Heads are in it, also where the net's default leaves them out: the name of the graph then says
    by which options they come.
    """
    net = registry.get_net(name)
    heads: dict[str, object] = {net.aux_option: True} if net.aux_option else {}
    if inspect.signature(load_function(net)).parameters["num_classes"].default is None:
        heads["num_classes"] = net.num_classes
    added = {option: value for option, value in heads.items() if option not in options}
    named = ", ".join(f"{option}={value}" for option, value in added.items())
    built = anatomy.build_net(name, size, **options, **added)
    return make_layer_graph_of_tensors(*built, f"{name} ({named})" if named else name)


def make_layer_graph_of_tensors(
    images: Tensor, logits: Tensor, end_points: EndPoints, name: str
) -> LayerGraph:
    """Makes the graph of the layers of a net that ``build_net`` has built."""
    outputs = [point for point in end_points.values() if isinstance(point, tf.Tensor)]
    return make_layer_graph(images.graph, [images], [*outputs, logits], name=name)


def draw_svg(name: str, size: tuple[int | None, ...] | None = None, **options: object) -> str:
    """Draws the graph of a net as the text of an interactive SVG (``svg.py`` says how to use it).

    Arguments as in ``build_net``.
    Raises: BadInputError for them; SetupError where igraph is not installed.
    """
    return write_svg(make_layer_graph_of_net(name, size, **options))


def write_png(graph: LayerGraph, path: str | pathlib.Path) -> None:
    """Draws a graph as a PNG in light colours. Raises SetupError without igraph."""
    with use_fonts():
        draw_layout(lay_out(graph), path)

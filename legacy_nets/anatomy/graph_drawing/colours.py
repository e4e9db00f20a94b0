"""The colours of steps, in light and dark, and the lines of text above a picture."""

from __future__ import annotations

from legacy_nets.anatomy.graph_drawing.layout import Layout, count_channels
from legacy_nets.language import translate as _

PAPER, INK, MUTED, EDGE, FRAME = "paper", "ink", "muted", "edge", "frame"
_JOINS = {"add", "concat", "multiply", "subtract", "maximum", "stack"}
# Class -> words: a step has the first class that has a word of its name.
_CLASSES = {
    "norm": ("norm",),
    "pool": ("pool",),
    "depthwise": ("depthwise", "separable"),
    "convolution": ("convolution",),
    "dense": ("dense", "matmul", "embedding"),
    "loop": ("lstm", "gru", "rnn", "loop"),
    "dropout": ("dropout",),
    "activation": ("elu", "swish", "sigmoid", "tanh", "softmax", "softplus"),
    "input": ("input",),
}
LIGHT = {
    PAPER: "#ffffff",
    INK: "#1f2328",
    MUTED: "#59636e",
    EDGE: "#7d8590",
    FRAME: "#eef1f4",
    "norm": "#d9d9e3",
    "pool": "#a9cdf0",
    "depthwise": "#f6bd84",
    "convolution": "#f7dc91",
    "dense": "#bfe0a8",
    "loop": "#dcbdec",
    "dropout": "#f3c6da",
    "activation": "#b5e3df",
    "input": "#ffffff",
    "join": "#f4a9a3",
    "stage": "#ffffff",
    "other": "#e8e8e8",
}
DARK = {
    PAPER: "#14181e",
    INK: "#e6edf3",
    MUTED: "#9aa5b1",
    EDGE: "#7d8590",
    FRAME: "#1f2630",
    "norm": "#4a4a5c",
    "pool": "#1f4f7d",
    "depthwise": "#80501c",
    "convolution": "#6b5512",
    "dense": "#345c22",
    "loop": "#5b3570",
    "dropout": "#70304f",
    "activation": "#1d5c57",
    "input": "#14181e",
    "join": "#84322c",
    "stage": "#14181e",
    "other": "#3d444d",
}


def choose_class(step: str) -> str:
    """Returns the class of a step or layer type, a key of LIGHT and DARK."""
    if step in _JOINS:
        return "join"
    lower = step.lower()
    classes = (name for name, words in _CLASSES.items() if any(word in lower for word in words))
    return "stage" if step == "stage" else next(classes, "other")


def write_captions(layout: Layout) -> tuple[str, str]:
    """Writes the two lines below the title: what is drawn, and how to read it."""
    nodes = layout.graph.nodes
    has_stages = any(node.layer_type == "stage" for node in nodes)
    parameters = sum(node.parameters for node in nodes)
    widest = max(map(count_channels, nodes))
    counted = _("{nodes} layers, {edges} edges, {parameters} parameters")
    if has_stages:
        counted = _("{nodes} stages, {edges} edges, {parameters} parameters")
    bar = _("bar at the foot of a box: channels of its output, to scale; full width is {channels}")
    edges = len(layout.graph.edges)
    return (
        counted.format(nodes=len(nodes), edges=edges, parameters=f"{parameters:,}"),
        bar.format(channels=f"{widest:,}"),
    )

"""Directives that show what trained nets compute of a picture, as the site is built.

{maps} hand_signs               feature maps of the end points that docs/weights is enough for
{kernels} hand_signs            kernels of the first convolution
{attention-maps} vit_of_digits  what the class token attends to, layer by layer
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from trained_nets import NETS, compute, find_kernel

from legacy_nets.anatomy import figures
from legacy_nets.book import html
from legacy_nets.documents.figures import cut_class_token, find_attention
from legacy_nets.drawing import use_fonts
from legacy_nets.language import translate
from legacy_nets.types import Array

CHANNELS = 8  # of each map: more are too small to read beside a text


class TrainedFigure(SphinxDirective):
    """A figure of a net of ``trained_nets.NETS``."""

    required_arguments, optional_arguments = 1, 0
    caption = ""  # what a reader hears who does not see the figure; {net} is the net

    def draw(self, net: str, path: Path) -> None:
        """Draws the figure as PNG."""
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        """Draws the figure into the page. An unknown net is an error at its line."""
        net = self.arguments[0]
        if net not in NETS:
            raise self.error(f"no trained net {net!r}: write one of {', '.join(NETS)}")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "figure.png")
            with use_fonts():
                self.draw(net, path)
            caption = translate(self.caption).format(net=net)
            return [nodes.raw("", html.write_picture(path, caption), format="html")]


class MapsDirective(TrainedFigure):
    """Feature maps of a net, with its picture and their colour scales."""

    caption = "Feature maps of {net}"

    def draw(self, net: str, path: Path) -> None:
        """Draws the first channels of each end point."""
        maps = compute(net, lambda built: {name: built[1][name] for name in NETS[net].end_points})
        values = {name: value[0] for name, value in maps.items()}
        figures.draw_feature_maps(values, squeeze(NETS[net].picture), path, CHANNELS, net)


class KernelsDirective(TrainedFigure):
    """Kernels of a net's first convolution, with their colour scale."""

    caption = "Kernels of the first layer of {net}"

    def draw(self, net: str, path: Path) -> None:
        """Draws the first kernels."""
        kernel = compute(net, lambda _: {"kernel": find_kernel()})["kernel"]
        figures.draw_kernels(kernel, path, title=net)


class AttentionDirective(TrainedFigure):
    """The attention of a Vision Transformer's class token, over its picture."""

    caption = "What the class token of {net} attends to"

    def draw(self, net: str, path: Path) -> None:
        """Draws the mean of the heads, and each."""
        attention = compute(net, lambda built: find_attention(built[0]))
        values = {name: cut_class_token(value[0]) for name, value in attention.items()}
        figures.draw_attention_maps(values, squeeze(NETS[net].picture), path, title=net)


def squeeze(picture: Array) -> Array:
    """Makes a grey picture [H, W] of [H, W, 1]; leaves one in colour."""
    return picture[..., 0] if picture.shape[-1] == 1 else picture


def setup(app: Sphinx) -> dict[str, bool]:
    """Registers the directives."""
    app.add_directive("maps", MapsDirective)
    app.add_directive("kernels", KernelsDirective)
    app.add_directive("attention-maps", AttentionDirective)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

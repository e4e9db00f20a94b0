"""The figures of ``legacy-nets explain``: which layers, maps and kernels of a net are drawn.

How they are drawn is in anatomy/figures.py.
"""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from legacy_nets import anatomy, registry
from legacy_nets import tf1 as tf
from legacy_nets.anatomy import figures
from legacy_nets.data import clips, preprocessing
from legacy_nets.data.synthetic.clips import draw_clip
from legacy_nets.data.synthetic.digits import draw_digit
from legacy_nets.data.synthetic.hands import draw_hand
from legacy_nets.documents.checks import common
from legacy_nets.errors import BadInputError, find_nearest
from legacy_nets.train.evaluate import resolve_settings, restore_net
from legacy_nets.train.graph import NetGraph, build_net
from legacy_nets.train.settings import Settings

MOST_ROWS = 60  # blocks in the figure of the layers
MAPS = 5  # end points whose maps are drawn where none are asked for
STAND_IN = 128  # pixels of a drawn hand


@dataclasses.dataclass(frozen=True)
class Drawn:
    """The files that were written, and what a reader must know about them."""

    paths: tuple[pathlib.Path, ...]
    notes: tuple[str, ...]


def draw(
    net: str,
    folder: str | pathlib.Path,
    image: str | pathlib.Path | None = None,
    end_points: tuple[str, ...] = (),
    checkpoint: str | None = None,
) -> Drawn:
    """Writes layers.png, feature_maps.png, kernels.png and receptive_field.png into a folder.

    Args:
      net: a name of the registry.
      folder: made where it is missing; older figures of these names are replaced.
      image: a PNG or JPEG (a video or folder of frames for a net of clips); None: a drawn one.
      end_points: whose maps are drawn; five of them in order where none are named. The receptive
        field is that of the last one that does not see the whole image.
      checkpoint: whatever ``open_weights`` reads; None: initial weights, with seed 0.

    A figure that a net has nothing for is left out, which a note says.
    Raises: BadInputError for an unknown net, end point or unreadable image; CheckpointError.
    """
    record = registry.get_net(net)
    notes = [] if checkpoint else ["initial weights, seed 0: nothing is learned (--checkpoint)"]
    settings = resolve_settings(checkpoint, net) if checkpoint else _untrained(record)
    picture = _picture(record, settings, image)
    if image is None:
        notes.append("the picture is drawn by legacy_nets (--image)")
    folder = pathlib.Path(folder)
    with _ready(settings, checkpoint) as (graph, session):
        chosen = _chosen(net, graph.end_points, end_points)
        feed = {graph.images: preprocessing.scale_pixels(picture, graph.preprocessing)[None]}
        maps = dict(zip(chosen, session.run(list(chosen.values()), feed), strict=True))
        kernel = _first_kernel(graph.variables)
        weights = None if kernel is None else session.run(kernel)
        fields = anatomy.receptive_fields(list(chosen.values()), graph.images)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []

    def drawn(name: str, function: Callable[..., None], *arguments: Any, title: str) -> None:
        function(*arguments, folder / name, title=title)
        paths.append(folder / name)

    drawn("layers.png", figures.draw_layers, _blocks(net), title=net)
    of_what = "" if checkpoint else ", initial weights"
    if maps:
        flat = {name: _middle_frame(value[0]) for name, value in maps.items()}
        drawn("feature_maps.png", figures.draw_feature_maps, flat, title=f"{net}{of_what}")
    else:
        notes.append("no feature maps: no end point of this net is a map")
    if weights is not None:
        title = f"{kernel.op.name}{of_what}"
        drawn("kernels.png", figures.draw_kernels, _middle_slice(weights), title=title)
    field = _smaller_than(dict(zip(chosen, fields, strict=True)), settings.image_size)
    if field is not None:
        name, found = field
        still = np.clip(picture / 255, 0, 1)
        still = still[..., 0] if still.shape[-1] == 1 else still
        title = f"{net} {name}"
        drawn("receptive_field.png", figures.draw_receptive_field, still, found, title=title)
    else:
        notes.append("no receptive field: no chosen end point sees a part of an image only")
    return Drawn(tuple(paths), tuple(notes))


def _untrained(record: registry.Net) -> Settings:
    return Settings(record.name, record.num_classes, record.image_size)


@contextlib.contextmanager
def _ready(settings: Settings, checkpoint: str | None) -> Iterator[tuple[NetGraph, Any]]:
    if checkpoint is not None:
        with restore_net(settings, checkpoint) as (graph, session, _):
            yield graph, session
        return
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(0)
        graph = build_net(settings)
        session.run(tf.global_variables_initializer())
        yield graph, session


def _picture(
    record: registry.Net, settings: Settings, path: str | pathlib.Path | None
) -> np.ndarray:
    """The picture or clip at the net's size, float32 from 0 to 255."""
    kind, size = settings.preprocessing or record.preprocessing, settings.image_size
    rng = np.random.default_rng(0)
    if len(size) == 3:
        if path is not None:
            return clips.read_clip(pathlib.Path(path), kind, size, record.channels)
        return preprocessing.resize_picture(
            draw_clip("circle", rng, size[0], STAND_IN), kind, size, record.channels
        )
    if path is not None:
        picture = preprocessing.read_picture(path)
    elif record.channels == 1:
        picture = draw_digit(3, rng)[..., None]
    else:
        picture = draw_hand(5, rng, max(STAND_IN, *size))
    return preprocessing.resize_picture(picture, kind, size, record.channels)


def _chosen(net: str, points: dict[str, Any], wanted: tuple[str, ...]) -> dict[str, Any]:
    """Those end points that are maps [N, H, W, C] or [N, T, H, W, C] of more than one pixel."""
    maps = {
        name: point
        for name, point in points.items()
        if getattr(point, "shape", None) is not None
        and point.shape.rank in (4, 5)
        and point.shape[-2] != 1
    }
    for name in wanted:
        if name not in maps:
            near = find_nearest(name, maps)
            raise BadInputError(
                f"{net} has no map called {name!r} among its end points; nearest: "
                f"{', '.join(near) or 'none, as it makes no maps'}"
            )
    if wanted:
        return {name: maps[name] for name in wanted}
    names = list(maps)
    picked = sorted({round(i) for i in np.linspace(0, len(names) - 1, min(MAPS, len(names)))})
    return {names[i]: maps[names[i]] for i in picked}


def _first_kernel(variables: list[Any]) -> Any:
    return next((v for v in variables if v.shape.rank in (4, 5) and v.shape[0] is not None), None)


def _middle_frame(value: np.ndarray) -> np.ndarray:
    """[H, W, C] of a map, or of the frame in the middle of a clip's [T, H, W, C]."""
    return value[len(value) // 2] if value.ndim == 4 else value


def _middle_slice(kernel: np.ndarray) -> np.ndarray:
    return kernel[len(kernel) // 2] if kernel.ndim == 5 else kernel


def _smaller_than(
    fields: dict[str, anatomy.Field | None], size: tuple[int, ...]
) -> tuple[str, anatomy.Field] | None:
    """The last of the fields in the plane that is not larger than the image."""
    for name, field in reversed(fields.items()):
        plain = field is not None and len(field.size) == 2 and None not in field.padding
        if (
            field is not None
            and plain
            and all(one <= side for one, side in zip(field.size, size, strict=True))
        ):
            return name, field
    return None


def _blocks(net: str) -> tuple[anatomy.Layer, ...]:
    """The layers, folded until they fit into a figure that can be read."""
    found = common.taken_apart(net)
    deepest = max(layer.name.count("/") for layer in found.layers) + 1
    for depth in range(deepest, 0, -1):
        rows = anatomy.folded(found, depth)
        if len(rows) <= MOST_ROWS:
            break
    return rows

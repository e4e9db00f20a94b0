"""Chooses the graph, maps and kernels that ``legacy-nets explain --figure`` draws.

anatomy/figures.py and anatomy/graph_drawing draw them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
from collections.abc import Iterator, Sequence

import numpy as np

from legacy_nets import anatomy, registry
from legacy_nets import tf1 as tf
from legacy_nets.anatomy import figures, graph_drawing
from legacy_nets.data import clips, preprocessing
from legacy_nets.data.synthetic.clips import draw_clip
from legacy_nets.data.synthetic.digits import draw_digit
from legacy_nets.data.synthetic.hands import draw_hand
from legacy_nets.documents.checks import common
from legacy_nets.errors import BadInputError, SetupError, suggest_names
from legacy_nets.files import replace_on_success
from legacy_nets.train.evaluate import resolve_settings, restore_net
from legacy_nets.train.graph import NetGraph, build_net
from legacy_nets.train.settings import Settings
from legacy_nets.types import Array, EndPoints, Session, Variable

LEVELS = ("stages", "layers")
MAX_LAYERS = 60  # that the graph shows by default; of a larger net it shows the stages
DEFAULT_MAPS = 5  # end points whose maps are drawn by default
SYNTHETIC_SIDE = 128  # pixels of a synthetic hand


@dataclasses.dataclass(frozen=True)
class DrawnFigures:
    """The files that were written, and what a reader must know about them."""

    paths: tuple[pathlib.Path, ...]
    notes: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class _Values:
    """What the figures show, computed for one image."""

    maps: dict[str, Array]  # end point -> [H, W, C]
    kernel: Array | None  # [height, width, inputs, outputs] of the first layer
    kernel_name: str
    fields: dict[str, anatomy.ReceptiveField | None]  # of the same end points


def draw(
    net: str,
    folder: str | pathlib.Path,
    image: str | pathlib.Path | None = None,
    end_points: tuple[str, ...] = (),
    checkpoint: str | None = None,
    level: str | None = None,
    *,
    as_svg: bool = False,
) -> DrawnFigures:
    """Writes graph.png, feature_maps.png, kernels.png and receptive_field.png into a folder.

    Args:
      net: a name of the registry.
      folder: created if missing; older figures of these names are replaced.
      image: a PNG or JPEG (a video or folder of frames for clip nets); if None, a synthetic one.
      end_points: end points whose maps are drawn; if none are named, five of them in order. The
        receptive field is that of the last one whose field is smaller than the image.
      checkpoint: anything that ``open_weights`` reads; if None, initial weights with seed 0.
      level: what a box of graph.png is, one of LEVELS; if None, a layer where they are few.
      as_svg: writes graph.svg in place of graph.png: it shows both levels.

    A note says which figures a net has nothing for.
    Raises: BadInputError for an unknown net, end point or unreadable image; CheckpointError.
    """
    record = registry.get_net(net)
    settings = resolve_settings(checkpoint, net) if checkpoint else _get_default_settings(record)
    picture = _read_picture(record, settings, image)
    values = _compute_values(net, settings, checkpoint, picture, end_points)
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    weights = "" if checkpoint else ", initial weights"
    notes = [] if checkpoint else ["initial weights, seed 0: the net is not trained (--checkpoint)"]
    if image is None:
        notes.append("the picture is synthetic (--image)")
    still = np.clip(_get_middle_frame(picture) / 255, 0, 1)
    still = still[..., 0] if still.shape[-1] == 1 else still
    paths = []
    try:
        paths.append(_draw_graph(net, folder, level, as_svg))
    except SetupError as error:
        notes.append(str(error))
    if values.maps:
        paths.append(folder / "feature_maps.png")
        figures.draw_feature_maps(values.maps, still, paths[-1], title=f"{net}{weights}")
    else:
        notes.append("no feature maps: no end point of this net is a map")
    if values.kernel is not None:
        paths.append(folder / "kernels.png")
        figures.draw_kernels(values.kernel, paths[-1], title=f"{values.kernel_name}{weights}")
    name = _find_smaller_field(values.fields, settings.image_size)
    field = values.fields[name] if name else None
    if field is not None:
        paths.append(folder / "receptive_field.png")
        figures.draw_receptive_field(still, field, paths[-1], title=f"{net} {name}")
    else:
        notes.append("no receptive field: no selected end point has one smaller than the image")
    return DrawnFigures(tuple(paths), tuple(notes))


def _get_default_settings(record: registry.Net) -> Settings:
    return Settings(record.name, record.num_classes, record.image_size)


def _compute_values(
    net: str,
    settings: Settings,
    checkpoint: str | None,
    picture: Array,
    end_points: tuple[str, ...],
) -> _Values:
    """Runs a net on a picture or clip (float32 from 0 to 255, [H, W, C] or [T, H, W, C])."""
    with _open_net(settings, checkpoint) as (graph, session):
        points = _select_maps(net, graph.end_points, end_points)
        feed = {graph.images: preprocessing.scale_pixels(picture, graph.preprocessing)[None]}
        maps = dict(zip(points, session.run(list(points.values()), feed), strict=True))
        kernel = _find_first_kernel(graph.variables)
        fields = anatomy.compute_receptive_fields(list(points.values()), graph.images)
        return _Values(
            maps={name: _get_middle_frame(value[0]) for name, value in maps.items()},
            kernel=None if kernel is None else _get_middle_slice(session.run(kernel)),
            kernel_name="" if kernel is None else kernel.op.name,
            fields=dict(zip(points, fields, strict=True)),
        )


@contextlib.contextmanager
def _open_net(settings: Settings, checkpoint: str | None) -> Iterator[tuple[NetGraph, Session]]:
    """Opens a session with a net: from a checkpoint, or with initial weights of seed 0."""
    if checkpoint is not None:
        with restore_net(settings, checkpoint) as (graph, session, _):
            yield graph, session
        return
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(0)
        graph = build_net(settings)
        session.run(tf.global_variables_initializer())
        yield graph, session


def _read_picture(
    record: registry.Net, settings: Settings, path: str | pathlib.Path | None
) -> Array:
    """Returns a picture [H, W, C] or clip [T, H, W, C] at the net's size, float32 0 to 255."""
    pixels, size = settings.preprocessing or record.preprocessing, settings.image_size
    rng = np.random.default_rng(0)
    if len(size) == 3:
        if path is not None:
            return clips.read_clip(pathlib.Path(path), pixels, size, record.channels)
        return preprocessing.resize_picture(
            draw_clip("circle", rng, size[0], SYNTHETIC_SIDE), pixels, size, record.channels
        )
    if path is not None:
        picture = preprocessing.read_picture(path)
    elif record.channels == 1:
        picture = draw_digit(3, rng)[..., None]
    else:
        picture = draw_hand(5, rng, max(SYNTHETIC_SIDE, *size))
    return preprocessing.resize_picture(picture, pixels, size, record.channels)


def _select_maps(net: str, end_points: EndPoints, names: tuple[str, ...]) -> EndPoints:
    """Selects end points that are maps [N, H, W, C] or [N, T, H, W, C] of more than one pixel."""
    maps = {
        name: point
        for name, point in end_points.items()
        if getattr(point, "shape", None) is not None
        and point.shape.rank in (4, 5)
        and point.shape[-2] != 1
    }
    for name in names:
        if name not in maps:
            near = suggest_names(name, maps, "maps") or ", as it makes no maps"
            raise BadInputError(f"{net} has no map called {name!r} among its end points{near}")
    if not names:
        known = list(maps)
        count = min(DEFAULT_MAPS, len(known))
        indices = sorted({round(i) for i in np.linspace(0, len(known) - 1, count)})
        names = tuple(known[i] for i in indices)
    return {name: maps[name] for name in names}


def _find_first_kernel(variables: Sequence[Variable]) -> Variable | None:
    return next((v for v in variables if v.shape.rank in (4, 5) and v.shape[0] is not None), None)


def _get_middle_frame(value: Array) -> Array:
    """Returns a picture or map [H, W, C], or the middle frame of those of a clip [T, H, W, C]."""
    return value[len(value) // 2] if value.ndim == 4 else value


def _get_middle_slice(kernel: Array) -> Array:
    """Returns a kernel of four axes; of a 3D kernel, the slice in the middle of time."""
    return kernel[len(kernel) // 2] if kernel.ndim == 5 else kernel


def _find_smaller_field(
    fields: dict[str, anatomy.ReceptiveField | None], size: tuple[int, ...]
) -> str | None:
    """Finds the last end point whose receptive field is in the plane and fits into the image."""
    for name, field in reversed(fields.items()):
        if field is None or len(field.size) != 2 or None in field.padding:
            continue
        if all(pixels <= side for pixels, side in zip(field.size, size, strict=True)):
            return name
    return None


def _draw_graph(net: str, folder: pathlib.Path, level: str | None, as_svg: bool) -> pathlib.Path:
    """Draws the graph of a net; returns the file. Raises SetupError without igraph."""
    images, logits, end_points = common.build_net(net)
    graph = graph_drawing.make_layer_graph_of_tensors(images, logits, end_points, net)
    if as_svg:
        path = folder / "graph.svg"
        text = graph_drawing.write_svg(graph)
        with replace_on_success(path) as unfinished:
            unfinished.write_text(text, "utf-8")
        return path
    path = folder / "graph.png"
    if level is None:
        level = "layers" if len(graph.nodes) <= MAX_LAYERS else "stages"
    graph_drawing.write_png(graph if level == "layers" else graph_drawing.fold_stages(graph), path)
    return path

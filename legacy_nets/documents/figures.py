"""Chooses the graph, maps and kernels that ``legacy-nets explain --figure`` draws.

anatomy/figures.py and anatomy/graph_drawing draw them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import pathlib
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from legacy_nets import anatomy, registry
from legacy_nets import tf1 as tf
from legacy_nets.anatomy import figures, graph_drawing
from legacy_nets.data import clips, preprocessing
from legacy_nets.data.synthetic.clips import draw_clip
from legacy_nets.data.synthetic.digits import draw_digit
from legacy_nets.data.synthetic.hands import draw_hand
from legacy_nets.drawing import use_fonts
from legacy_nets.errors import BadInputError, SetupError, suggest_names
from legacy_nets.files import replace_on_success
from legacy_nets.language import translate as _
from legacy_nets.train.evaluate import resolve_settings, restore_net
from legacy_nets.train.graph import NetGraph, build_net
from legacy_nets.train.settings import Settings
from legacy_nets.types import Array, EndPoints, GraphLevel, Session, Tensor, Variable

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
    attention: dict[str, Array]  # layer -> [heads, H, W], weights of the class token


def draw(
    net: str,
    folder: str | pathlib.Path,
    image: str | pathlib.Path | None = None,
    end_points: tuple[str, ...] = (),
    checkpoint: str | None = None,
    level: GraphLevel | None = None,
    *,
    as_svg: bool = False,
    with_graph: bool = True,
) -> DrawnFigures:
    """Writes graph.png, feature_maps.png, kernels.png, receptive_field.png (one end point) and
    receptive_fields.png (all) into a folder.

    Nets whose patches attend to each other get attention.png, too.

    Args:
      net: a name of the registry.
      folder: created if missing; older figures of these names are replaced.
      image: an image file (a video or folder of frames for clip nets); if None, a synthetic one.
      end_points: end points whose maps are drawn; if none are named, five of them in order. The
        receptive field is that of the last one whose field is smaller than the image.
      checkpoint: anything that ``open_weights`` reads; if None, initial weights with seed 0.
      level: what a box of graph.png is, "stages" or "layers"; if None, a layer where they are few.
      as_svg: writes graph.svg in place of graph.png: it shows both levels.
      with_graph: whether the graph is drawn.

    A note says which figures a net has nothing for.
    Raises: BadInputError for an unknown net, end point or unreadable image; CheckpointError.
    """
    record = registry.get_net(net)
    settings = resolve_settings(checkpoint, net) if checkpoint else _get_default_settings(record)
    picture = _read_picture(record, settings, image)
    values = _compute_values(net, settings, checkpoint, picture, end_points)
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    notes = [] if checkpoint else ["initial weights, seed 0: the net is not trained (--checkpoint)"]
    if image is None:
        notes.append("the picture is synthetic (--image)")
    still = np.clip(_get_middle_frame(picture) / 255, 0, 1)
    still = still[..., 0] if still.shape[-1] == 1 else still
    paths = []
    if with_graph:
        try:
            paths.append(_draw_graph(net, folder, level, as_svg))
        except SetupError as error:
            notes.append(str(error))
    with use_fonts() as note:
        weights = "" if checkpoint else _(", initial weights")
        paths += _draw_values(values, still, folder, net, weights)
        paths += _draw_fields(values.fields, still, folder, net)
    if note:
        notes.append(note)
    names = {path.name for path in paths}
    if "feature_maps.png" not in names:
        notes.append("no feature maps: no end point of this net is a map")
    if "receptive_field.png" not in names:
        notes.append("no receptive field: no selected end point has one smaller than the image")
    return DrawnFigures(tuple(paths), tuple(notes))


def _draw_values(
    values: _Values, still: Array, folder: pathlib.Path, net: str, weights: str
) -> list[pathlib.Path]:
    """Draws maps, attention and kernels; returns the files of what the net has."""
    paths = []
    if values.maps:
        paths.append(folder / "feature_maps.png")
        figures.draw_feature_maps(values.maps, still, paths[-1], title=f"{net}{weights}")
    if values.attention:
        paths.append(folder / "attention.png")
        figures.draw_attention_maps(values.attention, still, paths[-1], title=f"{net}{weights}")
    if values.kernel is not None:
        paths.append(folder / "kernels.png")
        figures.draw_kernels(values.kernel, paths[-1], title=f"{values.kernel_name}{weights}")
    return paths


def _draw_fields(
    fields: dict[str, anatomy.ReceptiveField | None],
    still: Array,
    folder: pathlib.Path,
    net: str,
) -> list[pathlib.Path]:
    """Draws the last receptive field that fits into the picture, and all of them."""
    planes = {
        name: field
        for name, field in fields.items()
        if field is not None and len(field.size) == 2 and None not in field.padding
    }
    paths = []
    smaller = [
        name
        for name, field in planes.items()
        if field.size[0] <= still.shape[0] and field.size[1] <= still.shape[1]
    ]
    if smaller:
        paths.append(folder / "receptive_field.png")
        title = f"{net} {smaller[-1]}"
        figures.draw_receptive_field(still, planes[smaller[-1]], paths[-1], title=title)
    if len(planes) > 1:
        paths.append(folder / "receptive_fields.png")
        title = _("{net}: receptive fields of the middle values").format(net=net)
        figures.draw_receptive_fields(still, planes, paths[-1], title=title)
    return paths


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
        attention = find_attention(graph.logits)
        weights = dict(zip(attention, session.run(list(attention.values()), feed), strict=True))
        kernel = _find_first_kernel(graph.variables)
        fields = anatomy.compute_receptive_fields(list(points.values()), graph.images)
        return _Values(
            maps={name: _get_middle_frame(value[0]) for name, value in maps.items()},
            kernel=None if kernel is None else _get_middle_slice(session.run(kernel)),
            kernel_name="" if kernel is None else kernel.op.name,
            fields=dict(zip(points, fields, strict=True)),
            attention={name: cut_class_token(value[0]) for name, value in weights.items()},
        )


@contextlib.contextmanager
def _open_net(settings: Settings, checkpoint: str | None) -> Iterator[tuple[NetGraph, Session]]:
    """Opens a session with a net: from a checkpoint, or with initial weights of seed 0."""
    if checkpoint is not None:
        with restore_net(settings, checkpoint) as (graph, session, _averaged):
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
        if isinstance(point, tf.Tensor) and point.shape.rank in (4, 5) and point.shape[-2] != 1
    }
    for name in names:
        if name not in maps:
            near = suggest_names(name, maps, "maps") or ", as it makes no maps"
            raise BadInputError(f"{net} has no map called {name!r} among its end points{near}")
    return {name: maps[name] for name in names} if names else _select_evenly(maps)


def find_attention(logits: Tensor) -> dict[str, Tensor]:
    """Finds the weights [N, heads, tokens, tokens] of layers in which patches attend to patches.

    Returns them by the scope of their layer: all, or DEFAULT_MAPS of them, first to last.
    """
    found = {}
    for op in logits.graph.get_operations():
        shape = op.outputs[0].shape.as_list() if op.type == "Softmax" else []
        if len(shape) == 4 and shape[2] == shape[3] and _count_patches(shape[3]):
            found[op.name.rpartition("/")[0]] = op.outputs[0]
    return _select_evenly(found)


def _count_patches(tokens: int | None) -> int:
    """Returns the patches along each side of a square picture; 0 for other counts of tokens."""
    side = math.isqrt(max((tokens or 0) - 1, 0))
    return side if side > 1 and side * side + 1 == tokens else 0


def cut_class_token(weights: Array) -> Array:
    """Returns what the class token takes from each patch: [heads, T, T] -> [heads, H, W]."""
    side = _count_patches(weights.shape[-1])
    return weights[:, 0, 1:].reshape(-1, side, side)


def _select_evenly(values: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Selects DEFAULT_MAPS values, the first and last among them; all where they are fewer."""
    known = list(values)
    count = min(DEFAULT_MAPS, len(known))
    indices = sorted({round(i) for i in np.linspace(0, len(known) - 1, count)})
    return {known[i]: values[known[i]] for i in indices}


def _find_first_kernel(variables: Sequence[Variable]) -> Variable | None:
    return next((v for v in variables if v.shape.rank in (4, 5) and v.shape[0] is not None), None)


def _get_middle_frame(value: Array) -> Array:
    """Returns a picture or map [H, W, C], or the middle frame of those of a clip [T, H, W, C]."""
    return value[len(value) // 2] if value.ndim == 4 else value


def _get_middle_slice(kernel: Array) -> Array:
    """Returns a kernel of four axes; of a 3D kernel, the slice in the middle of time."""
    return kernel[len(kernel) // 2] if kernel.ndim == 5 else kernel


def _draw_graph(
    net: str, folder: pathlib.Path, level: GraphLevel | None, as_svg: bool
) -> pathlib.Path:
    """Draws the graph of a net; returns the file. Raises SetupError without igraph."""
    graph = graph_drawing.make_layer_graph_of_net(net)
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

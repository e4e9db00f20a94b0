"""Document 004's predict scripts: ``python scripts/examples/zoo_predict.py NET IMAGE [...]``.

Takes the best weights of ``zoo_train.py`` (or any weight file), prints the probability of every
class, and writes the image under the title of its class and probability. The names come from
class_indices.json beside the weights. The image is cut, resized and scaled as in training, which
the document's scripts forget (004-E12, E13, E28).
"""

import argparse
import pathlib
import sys

from matplotlib.figure import Figure

from legacy_nets import registry
from legacy_nets.cli.options import open_checkpoint
from legacy_nets.data.image_files import kind_of
from legacy_nets.data.preprocessing import frame_all, read_picture
from legacy_nets.errors import BadInputError, LegacyNetsError
from legacy_nets.files import replace_on_success
from legacy_nets.quiet import quiet_tensorflow
from legacy_nets.train.settings import read_best


def main(arguments=None):
    """Predicts the class of one image."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("net")
    parser.add_argument("image", type=pathlib.Path)
    parser.add_argument("--weights", help="[default: save_weights/NET, the best]")
    parser.add_argument("--class-indices", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("prediction.png"))
    given = parser.parse_args(arguments)
    net = registry.get_net(given.net)
    if len(net.image_size) != 2:
        raise BadInputError(f"{net.name} takes clips: legacy-nets predict {net.name} takes videos")
    if given.out.suffix.lower() not in (".png", ".jpg", ".pdf", ".svg"):
        raise BadInputError(f"--out {given.out}: name a .png, .jpg, .pdf or .svg")
    given.out.parent.mkdir(parents=True, exist_ok=True)
    picture = read_picture(given.image)
    kind = kind_of(given.image, decode=False)
    if kind and net.channels == 3:
        print(f"{given.image}: {kind} image, converted to 8-bit RGB", file=sys.stderr)
    if net.channels == 1 and (picture != picture[..., :1]).any():
        print(f"colour picture made grey: {net.name} takes 1 channel", file=sys.stderr)
    weights = given.weights or f"save_weights/{net.name}"
    weights = open_checkpoint(weights, best=read_best(pathlib.Path(weights)) is not None)
    quiet_tensorflow()
    from legacy_nets.train import evaluate

    settings = evaluate.settings_of(weights, net.name, given.class_indices)
    kind = settings.pixels or net.preprocessing
    framed = frame_all(picture, kind, settings.image_size, net.channels)
    with evaluate.restored(settings, weights) as (graph, session, _):
        [probabilities] = graph.score(session, framed[None])
    for name, probability in zip(settings.class_names, probabilities, strict=True):
        print(f"class: {name:10}   prob: {probability:.3}")
    best = int(probabilities.argmax())
    figure = Figure(layout="constrained")
    axes = figure.subplots()
    axes.imshow(picture)
    axes.set_title(f"class: {settings.class_names[best]}   prob: {probabilities[best]:.3}")
    with replace_on_success(given.out) as unfinished:
        figure.savefig(unfinished)
    print(f"figure {given.out}")


if __name__ == "__main__":
    try:
        main()
    except LegacyNetsError as error:
        print(f"zoo_predict.py: {error}", file=sys.stderr)
        sys.exit(2)

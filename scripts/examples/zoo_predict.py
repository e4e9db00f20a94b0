"""Document 004's predict scripts: ``python scripts/examples/zoo_predict.py NET IMAGE [...]``.

Takes the best weights of ``zoo_train.py`` (or any weight file) and prints the probability of every
class. Writes the image with its class and probability as the title. The names come from
class_indices.json next to the weights. The image is cropped, resized and scaled as in training,
which the document's scripts forget (004-E12, E13, E28).
"""

import argparse
import pathlib
import sys

from matplotlib.figure import Figure

from legacy_nets import registry
from legacy_nets.checkpoints.open import open_weights
from legacy_nets.data.image_files import detect_colour_mode
from legacy_nets.data.preprocessing import read_picture, resize_picture
from legacy_nets.drawing import label_title, save_figure
from legacy_nets.errors import BadInputError, LegacyNetsError
from legacy_nets.quiet import quiet_tensorflow
from legacy_nets.train.settings import (
    SettingChanges,
    find_checkpoint_file,
    parse_net_options,
    read_best,
)


def parse_arguments(arguments):
    """Parses the command line; raises BadInputError for what cannot be used."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("net")
    parser.add_argument("image", type=pathlib.Path)
    parser.add_argument("--weights", help="[default: save_weights/NET, the best]")
    parser.add_argument("--class-indices", type=pathlib.Path)
    parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("prediction.png"))
    options = parser.parse_args(arguments)
    if len(registry.get_net(options.net).image_size) != 2:
        raise BadInputError(
            f"{options.net} takes video clips: use legacy-nets predict {options.net} for videos"
        )
    if options.out.suffix.lower() not in (".png", ".jpg", ".pdf", ".svg"):
        raise BadInputError(f"--out {options.out}: name a .png, .jpg, .pdf or .svg")
    return options


def load_image(path, net):
    """Loads an image, uint8 [H, W, 3]; tells on stderr how its colours are changed for the net."""
    picture = read_picture(path)
    mode = detect_colour_mode(path, decode=False)
    if mode and net.channels == 3:
        print(f"{path}: {mode} image, converted to 8-bit RGB", file=sys.stderr)
    if net.channels == 1 and (picture != picture[..., :1]).any():
        print(f"colour picture made grey: {net.name} takes 1 channel", file=sys.stderr)
    return picture


def predict(picture, net, weights, changes):
    """Runs the net on a picture: the names and the probabilities of the classes."""
    quiet_tensorflow()
    from legacy_nets.train import evaluate

    settings = evaluate.resolve_settings(weights, net.name, changes)
    preprocessing = settings.preprocessing or net.preprocessing
    resized = resize_picture(picture, preprocessing, settings.image_size, net.channels)
    for note in open_weights(weights).notes:
        print(f"note: {note}", file=sys.stderr)
    with evaluate.restore_net(settings, weights) as (graph, session, _):
        [probabilities] = graph.score(session, resized[None])
    return settings.class_names, probabilities


def draw_prediction(picture, title, path):
    """Draws the picture with a title into a file."""
    title = label_title(title)
    for note in title.notes:
        print(f"note: {note}", file=sys.stderr)
    figure = Figure(layout="constrained")
    axes = figure.subplots()
    axes.imshow(picture)
    axes.set_title(title.texts[0], **title.style)
    save_figure(figure, path, dpi=100)


def main(arguments=None):
    """Predicts the class of one image."""
    options = parse_arguments(arguments)
    net = registry.get_net(options.net)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    picture = load_image(options.image, net)
    weights = options.weights or f"save_weights/{net.name}"
    has_best = read_best(pathlib.Path(weights)) is not None
    weights = find_checkpoint_file(weights, best=has_best)
    net_options = parse_net_options(tuple(options.option))
    changes = SettingChanges(options=net_options, class_indices=options.class_indices)
    names, probabilities = predict(picture, net, weights, changes)
    for name, probability in zip(names, probabilities, strict=True):
        print(f"class: {name:10}   prob: {probability:.3}")
    best = int(probabilities.argmax())
    title = f"class: {names[best]}   prob: {probabilities[best]:.3}"
    draw_prediction(picture, title, options.out)
    print(f"figure {options.out}")


if __name__ == "__main__":
    try:
        main()
    except LegacyNetsError as error:
        print(f"zoo_predict.py: {error}", file=sys.stderr)
        sys.exit(2)

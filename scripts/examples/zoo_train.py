"""Document 004's train scripts: ``python scripts/examples/zoo_train.py NET [--data FOLDER] [...]``.

MNIST for demo_cnn, else a folder of images (``train`` and ``val``, one sub-folder a class); where
no data are given, a synthetic set is drawn. The model folder gets the loss and accuracy curves,
the best weights, and class_indices.json. Batch, Adam's rate and epochs are the document's; those
of GoogLeNet, which has no script there, are of the code it links to (auxiliary losses: 0.3 each).

ResNet-50 with --weights learns by transfer, in one of the document's three ways: ``all`` weights
are trained; the ``last`` layers (block4 and the head); a ``new`` dense layer on frozen features.
It sees the middle of each image, as slim's weights did; the document squeezes the whole image to
a square, as --pixels vgg_whole does.
"""

import argparse
import pathlib
import sys

from legacy_nets import registry
from legacy_nets.cli.options import net_options
from legacy_nets.data.dataset import Augment, framed
from legacy_nets.data.open import open_data, stand_in
from legacy_nets.data.preprocessing import KINDS
from legacy_nets.errors import LegacyNetsError
from legacy_nets.quiet import quiet_tensorflow
from legacy_nets.train.recipes import recipe
from legacy_nets.train.settings import Settings

TRANSFER = {  # way -> options of the net, scopes to train, scopes that the weights do not fit
    "all": ({}, (), ("logits",)),
    "last": ({"frozen": True}, ("block4", "logits"), ("logits",)),
    "new": ({"frozen": True, "dense": 1024}, ("dense", "logits"), ("dense", "logits")),
}


def positive(text):
    """An integer of 1 or more."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return value


def main(arguments=None):
    """Trains the net that the arguments name."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("net", help="as legacy-nets nets lists them")
    parser.add_argument("--data", type=pathlib.Path)
    parser.add_argument("--model-dir", type=pathlib.Path, help="[default: save_weights/NET]")
    parser.add_argument("--image-size", type=positive)
    parser.add_argument("--epochs", type=positive)
    parser.add_argument("--weights", help="checkpoint or weight file to start from")
    parser.add_argument("--transfer", choices=TRANSFER, default="new", help="with --weights")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--pixels", choices=KINDS, help="[default: the net's own]")
    given = parser.parse_args(arguments)
    net = registry.get_net(given.net)
    batch_size, rate, epochs = recipe(net.name)
    path = given.data or stand_in(net, pathlib.Path("datasets"), print)
    size = (given.image_size,) * 2 if given.image_size else net.image_size
    pixels = given.pixels or net.preprocessing
    data = framed(open_data(path, net), pixels, size, net.channels)
    transfer = given.weights and net.name.startswith("resnet") and net.document == "004"
    options, trainable, exclude = TRANSFER[given.transfer] if transfer else ({}, (), ())
    epoch = -(-len(data.train.labels) // batch_size)  # steps, the rest included (004-E14)
    settings = Settings(
        *(net.name, len(data.class_names), size, data.class_names, data.name),
        options=options | net_options(tuple(given.option)),
        pixels=pixels,
        trainable=trainable,
        steps=epoch * (given.epochs or epochs),
        batch_size=batch_size,
        learning_rate=rate,
        aux_weight=net.aux_weight,
        save_every=epoch,
        evaluate_every=epoch,
        augment=None if net.channels == 1 else Augment(shift=0, brightness=0),  # flips
    )
    quiet_tensorflow()
    from legacy_nets.train import loop

    folder = given.model_dir or pathlib.Path("save_weights") / net.name
    print(*data.notes, f"{net.name} on {data.name}", f"{epoch} steps an epoch", sep="\n")
    start = loop.WarmStart(given.weights, exclude) if given.weights else None
    result = loop.train(settings, data, folder, resume=given.resume, warm_start=start)
    if result.stopped_by or result.best_step is None:
        print(f"stopped at step {result.step} by {result.stopped_by}: go on with --resume")
        return
    print(f"best {result.best_accuracy:.4f} at step {result.best_step}, curves {folder}/curve.png")


if __name__ == "__main__":
    try:
        main()
    except LegacyNetsError as error:
        print(f"zoo_train.py: {error}", file=sys.stderr)
        sys.exit(2)

"""Document 004's train scripts: ``python scripts/examples/zoo_train.py NET [--data FOLDER] [...]``.

Trains demo_cnn on MNIST, any other net on a folder of images (``train`` and ``val``, one sub-folder
per class); without --data, on a synthetic set. The model folder gets the loss and accuracy curves,
the best weights, and class_indices.json. Batch size, Adam's rate and epochs are the document's.
GoogLeNet has no script there: its recipe is that of the code which the document links to
(auxiliary losses: 0.3 each).

ResNet-50 with --weights learns by transfer, in one of the document's three ways: ``all`` weights
are trained; the ``last`` layers (block4 and the head); a ``new`` dense layer on frozen features.
The net takes the middle of each image, as slim's weights did. The document squeezes the full image
to a square, as --preprocessing vgg_whole does.
"""

import argparse
import pathlib
import sys

from legacy_nets import registry
from legacy_nets.data.augmentation import Augmentation
from legacy_nets.data.dataset import resize_data
from legacy_nets.data.open import make_synthetic_data, open_data
from legacy_nets.data.preprocessing import PREPROCESSINGS
from legacy_nets.errors import BadInputError, LegacyNetsError
from legacy_nets.quiet import quiet_tensorflow
from legacy_nets.train.recipes import get_recipe
from legacy_nets.train.settings import Settings, WarmStart, parse_net_options

TRANSFER = {  # way -> options of the net, scopes to train, scopes that the weights do not fit
    "all": ({}, (), ("logits",)),
    "last": ({"frozen": True}, ("block4", "logits"), ("logits",)),
    "new": ({"frozen": True, "dense": 1024}, ("dense", "logits"), ("dense", "logits")),
}


def parse_positive(text):
    """Parses an integer of 1 or more."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return value


def parse_arguments(arguments):
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("net", help="a name that legacy-nets nets lists")
    parser.add_argument("--data", type=pathlib.Path)
    parser.add_argument("--model-dir", type=pathlib.Path, help="[default: save_weights/NET]")
    parser.add_argument("--image-size", type=parse_positive)
    parser.add_argument("--epochs", type=parse_positive)
    parser.add_argument("--weights", help="checkpoint or weight file to start from")
    parser.add_argument("--transfer", choices=TRANSFER, help="with --weights [default: new]")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument(
        "--preprocessing", "--pixels", choices=PREPROCESSINGS, help="[default: the net's own]"
    )
    return parser.parse_args(arguments)


def choose_transfer(net, weights, way):
    """Returns the row of TRANSFER for a run; raises BadInputError where the way is not offered."""
    if way and not weights:
        raise BadInputError(f"--transfer {way} needs --weights: name a checkpoint to start from")
    if net.name.startswith("resnet") and net.document == "004":
        return TRANSFER[way or "new"] if weights else ({}, (), ())
    if way in ("last", "new"):
        raise BadInputError(
            f"--transfer {way} is for the ResNets of document 004, not {net.name}: use --transfer "
            f"all, or legacy-nets train {net.name} --warm-start {weights} --trainable SCOPE"
        )
    return {}, (), ()


def main(arguments=None):
    """Trains the net that the arguments name."""
    options = parse_arguments(arguments)
    net = registry.get_net(options.net)
    recipe = get_recipe(net.name)
    net_options, trainable, exclude = choose_transfer(net, options.weights, options.transfer)

    path = options.data or make_synthetic_data(net, pathlib.Path("datasets"), print)
    size = (options.image_size,) * 2 if options.image_size else net.image_size
    preprocessing = options.preprocessing or net.preprocessing
    data = resize_data(open_data(path, net), preprocessing, size, net.channels)
    steps_per_epoch = -(-len(data.train.labels) // recipe.batch_size)  # with the rest (004-E14)

    settings = Settings(
        net.name,
        len(data.class_names),
        size,
        class_names=data.class_names,
        data=data.name,
        options=net_options | parse_net_options(tuple(options.option)),
        preprocessing=preprocessing,
        trainable=trainable,
        steps=steps_per_epoch * (options.epochs or recipe.epochs),
        batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        aux_weight=net.aux_weight,
        save_every=steps_per_epoch,
        evaluate_every=steps_per_epoch,
        warm_start=WarmStart(options.weights, exclude) if options.weights else None,
        augment=None if net.channels == 1 else Augmentation(shift=0, brightness=0),  # flips
    )

    quiet_tensorflow()
    from legacy_nets.train import loop

    folder = options.model_dir or pathlib.Path("save_weights") / net.name
    print(*data.notes, f"{net.name} on {data.name}", f"{steps_per_epoch} steps an epoch", sep="\n")
    result = loop.train(settings, data, folder, resume=options.resume)
    if result.stopped_by or result.best_step is None:
        print(f"stopped at step {result.step} by {result.stopped_by}: continue with --resume")
        return
    print(f"best {result.best_accuracy:.4f} at step {result.best_step}, curves {folder}/curve.png")


if __name__ == "__main__":
    try:
        main()
    except LegacyNetsError as error:
        print(f"zoo_train.py: {error}", file=sys.stderr)
        sys.exit(2)

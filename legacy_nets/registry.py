"""The registry: a record for each document and for each net, one row each, in their order.

Imports no TensorFlow. ``legacy_nets.nets.build`` builds a net by its name.
"""

from __future__ import annotations

import csv
import dataclasses
import fnmatch
import functools
import pathlib

from legacy_nets.errors import BadInputError, list_first, suggest_names
from legacy_nets.language import translate as _

_ERRATA = pathlib.Path(__file__).parent / "documents" / "data"


@dataclasses.dataclass(frozen=True)
class Document:
    """A tutorial that nets come from, as far as its text says what it is; "" where it does not."""

    number: str  # first three digits of its file's name
    short_title: str  # ours
    title: str = ""  # its own
    author: str = ""
    date: str = ""  # of publication, year-month-day
    address: str = ""
    licence: str = ""
    basis: str = ""  # the repository or book that it names as what it is based on

    @property
    def citation(self) -> str:
        """Title, author, date, licence, address and basis in one line, in the chosen language."""
        based = _("based on {basis}").format(basis=self.basis) if self.basis else ""
        parts = (
            self.title or _("title not stated"),
            self.author or _("author not stated"),
            self.date,
            self.licence or _("licence not stated"),
            self.address,
            based,
        )
        return ", ".join(part for part in parts if part)


@dataclasses.dataclass(frozen=True)
class Net:
    """What a net is: where its code is, what it reads and what it outputs.

    ``legacy_nets/nets/MODULE.py`` defines the function that builds the net; it bears the net's
    name.
    """

    name: str
    document: str  # first three digits of the tutorial document
    module: str  # file under legacy_nets/nets
    image_size: tuple[int, ...]  # (height, width) of the document; clips: (frames, height, width)
    preprocessing: str  # a name of legacy_nets.data.preprocessing
    num_classes: int  # of the document
    parameters: int  # trainable parameters at the sizes above
    _: dataclasses.KW_ONLY
    scope: str = ""  # outermost variable scope; "" where the document opens none
    channels: int = 3
    label_offset: int = 0  # 1 where class 0 of the published weights is "background"
    heads: tuple[str, ...] = ("logits",)  # end points that give one score for each class
    aux_weight: float = 0.4  # of each auxiliary head's loss
    aux_option: str = ""  # option that builds the auxiliary heads where the default leaves them out
    layouts: tuple[str, ...] = ()  # of other frameworks' weights: see nets/weights

    @property
    def errata(self) -> tuple[str, ...]:
        """Ids of the errata that concern the net, from the tables of errata."""
        return tuple(
            erratum
            for erratum, patterns in _read_errata()
            if any(fnmatch.fnmatchcase(self.name, pattern) for pattern in patterns)
        )

    @property
    def pixels(self) -> str:
        """An older name of ``preprocessing``."""
        return self.preprocessing

    @property
    def classes(self) -> int:
        """An older name of ``num_classes``."""
        return self.num_classes


@functools.cache
def _read_errata() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Reads the id of each erratum, and the patterns of the nets that it concerns."""
    rows: list[tuple[str, tuple[str, ...]]] = []
    for path in sorted(_ERRATA.glob("errata_*.csv")):
        with open(path, newline="", encoding="utf-8") as file:
            rows += [(row["id"], tuple(row["nets"].split())) for row in csv.DictReader(file)]
    return tuple(rows)


_IMAGENET = (224, 224)
_CLIP = (16, 112, 112)
_BASIC_RESNET = ("torch", "keras_h5", "keras_tf", "keras_transfer")
_RESNET = (*_BASIC_RESNET, "slim")

_DOCUMENTS = (
    Document(
        number="000",
        short_title="CNN, LSTM and video nets",
        title="tensorflow-model-summary",
        author="Charles",
        date="2023-03-21",
        address="https://charles2530.github.io/2023/03/21/tensorflow-model-summary/",
        licence="CC BY-NC-SA 4.0",
    ),
    Document(
        number="001",
        short_title="hand signs",
        basis="https://github.com/liangyihuai/my_tensorflow/blob/master/com/huai/converlution/"
        "resnets/hand_classifier_with_resnet.py",
    ),
    Document(
        number="002",
        short_title="Inception V3",
        title="tensorflow卷积神经Inception V3网络结构代码解析",
        address="https://lsjlt.com/news/117732.html",
        basis="《Tensorflow实战》",
    ),
    Document(
        number="003",
        short_title="ResNet v2",
        title="TensorflowDay4.1:ResNetForward",
        author="w460461339",
        date="2019-02-20",
    ),
    Document(
        number="004",
        short_title="zoo of image classifiers",
        title="tensorflow2学习笔记",
        date="2023-11-07",
    ),
)

# Name, document, module, size, preprocessing, classes, trainable parameters; what differs from
# the defaults of ``Net``.
# fmt: off
_NETS = (
    # document 000: CNN, LSTM and video nets
    Net("cnn_lstm", "000", "cnn_lstm", (28, 28), "unit", 10, 5_892_266, channels=1),
    Net("cnn_lstm_resnet", "000", "cnn_lstm", (28, 28), "unit", 10, 12_711_082, channels=1),
    Net("resnet_3d", "000", "video_resnet", _CLIP, "unit", 10, 41_818_634),
    Net("resnet_2plus1d", "000", "video_resnet", _CLIP, "unit", 10, 2_620_170),
    Net("resnet_3d_2plus1d", "000", "video_resnet", _CLIP, "unit", 10, 46_029_898),
    Net("r2plus1d_18", "000", "video_resnet_18", _CLIP, "kinetics", 400, 31_505_325,
        scope="r2plus1d_18", layouts=("torch",)),
    Net("r3d_18", "000", "video_resnet_18", _CLIP, "kinetics", 400, 33_371_472,
        scope="r3d_18", layouts=("torch",)),
    Net("mc3_18", "000", "video_resnet_18", _CLIP, "kinetics", 400, 11_695_440,
        scope="mc3_18", layouts=("torch",)),
    # document 001: hand signs
    Net("hand_signs", "001", "hand_signs", (64, 64), "unit", 6, 23_603_108, scope="reference"),
    # document 002: Inception V3; the published checkpoint has 1001 classes (label_offset)
    Net("inception_v3", "002", "inception_v3", (299, 299), "inception", 1000, 27_143_152,
        scope="InceptionV3", label_offset=1, heads=("logits", "AuxLogits")),
    # document 003: ResNet v2; published checkpoints: 299x299, 1001 classes (label_offset)
    Net("resnet_v2_50", "003", "resnet_v2", _IMAGENET, "inception", 1000, 25_568_360,
        scope="resnet_v2_50", label_offset=1),
    Net("resnet_v2_101", "003", "resnet_v2", _IMAGENET, "inception", 1000, 44_577_896,
        scope="resnet_v2_101", label_offset=1),
    Net("resnet_v2_152", "003", "resnet_v2", _IMAGENET, "inception", 1000, 60_236_904,
        scope="resnet_v2_152", label_offset=1),
    Net("resnet_v2_200", "003", "resnet_v2", _IMAGENET, "inception", 1000, 64_726_120,
        scope="resnet_v2_200", label_offset=1),
    # document 004: zoo of image classifiers
    Net("demo_cnn", "004", "demo_cnn", (28, 28), "unit", 10, 2_770_634,
        scope="my_model", channels=1),
    # alexnet_v1 has no layout: Keras' names are the graph's
    Net("alexnet_v1", "004", "alexnet", _IMAGENET, "unit", 1000, 16_630_440),
    Net("alexnet_v2", "004", "alexnet", _IMAGENET, "unit", 1000, 5_925_672,
        scope="alex_net_v2", layouts=("keras",)),
    Net("vgg11", "004", "vgg", _IMAGENET, "unit", 1000, 132_863_336, layouts=("torch", "keras")),
    Net("vgg13", "004", "vgg", _IMAGENET, "unit", 1000, 133_047_848, layouts=("torch", "keras")),
    Net("vgg16", "004", "vgg", _IMAGENET, "unit", 1000, 138_357_544, layouts=("torch", "keras")),
    Net("vgg19", "004", "vgg", _IMAGENET, "unit", 1000, 143_667_240, layouts=("torch", "keras")),
    # with the auxiliary heads: 13,378,280 parameters
    Net("googlenet", "004", "googlenet", _IMAGENET, "unit", 1000, 6_998_552,
        heads=("logits", "aux_1", "aux_2"), aux_weight=0.3, aux_option="aux_logits",
        layouts=("keras", "keras_tf", "keras_no_aux", "keras_tf_no_aux")),
    Net("resnet18", "004", "resnet_sizes", _IMAGENET, "vgg", 1000, 11_689_512,
        layouts=_BASIC_RESNET),
    Net("resnet34", "004", "resnet_sizes", _IMAGENET, "vgg", 1000, 21_797_672,
        layouts=_BASIC_RESNET),
    Net("resnet50", "004", "resnet_sizes", _IMAGENET, "vgg", 1000, 25_557_032, layouts=_RESNET),
    Net("resnet101", "004", "resnet_sizes", _IMAGENET, "vgg", 1000, 44_549_160, layouts=_RESNET),
    Net("resnet152", "004", "resnet_sizes", _IMAGENET, "vgg", 1000, 60_192_808, layouts=_RESNET),
    Net("resnext50_32x4d", "004", "resnext", _IMAGENET, "imagenet", 1000, 25_028_904,
        layouts=("torch",)),
    Net("resnext101_32x4d", "004", "resnext", _IMAGENET, "imagenet", 1000, 44_177_704,
        layouts=("torch",)),
    Net("mobilenet_v1", "004", "mobilenet", _IMAGENET, "inception", 1000, 4_231_976,
        layouts=("torch",)),
    Net("mobilenet_v2", "004", "mobilenet", _IMAGENET, "inception", 1000, 3_504_872,
        layouts=("torch",)),
    Net("mobilenet_v3_small", "004", "mobilenet_v3", _IMAGENET, "inception", 1000, 2_542_856,
        layouts=("torch",)),
    Net("mobilenet_v3_large", "004", "mobilenet_v3", _IMAGENET, "inception", 1000, 5_483_032,
        layouts=("torch",)),
    # the preprocessing is that of the weights; the document has no code that feeds a ViT
    Net("vit_base_patch16_224_in21k", "004", "vit_sizes", _IMAGENET, "inception", 21_843,
        103_186_515, scope="ViT-B_16", layouts=("npz", "torch")),
    Net("vit_base_patch32_224_in21k", "004", "vit_sizes", _IMAGENET, "inception", 21_843,
        104_843_091, scope="ViT-B_32", layouts=("npz", "torch")),
    Net("vit_large_patch16_224_in21k", "004", "vit_sizes", _IMAGENET, "inception", 21_843,
        326_740_307, scope="ViT-L_16", layouts=("npz", "torch")),
    Net("vit_large_patch32_224_in21k", "004", "vit_sizes", _IMAGENET, "inception", 21_843,
        328_949_075, scope="ViT-L_32", layouts=("npz", "torch")),
    Net("vit_huge_patch14_224_in21k", "004", "vit_sizes", _IMAGENET, "inception", 21_843,
        660_385_363, scope="ViT-H_14", layouts=("npz", "torch")),
    Net("vit_hybrid_r50_base_224", "004", "vit_hybrid", _IMAGENET, "inception", 1000, 98_659_112,
        scope="R50_ViT-B_16", layouts=("npz", "torch")),
)
# fmt: on


def list_documents() -> list[Document]:
    """Lists the records of the documents, in order."""
    return list(_DOCUMENTS)


def get_document(number: str) -> Document:
    """Gives the record of a document. Raises BadInputError with the known numbers."""
    for document in _DOCUMENTS:
        if document.number == number:
            return document
    numbers = ", ".join(document.number for document in _DOCUMENTS)
    raise BadInputError(f"no document has the number {number!r} (documents: {numbers})")


def list_nets(pattern: str = "*") -> list[str]:
    """Lists the names that match a shell pattern, in the order of the documents."""
    return [net.name for net in _NETS if fnmatch.fnmatchcase(net.name, pattern)]


def get_net(name: str) -> Net:
    """Gives the record of a net. Raises BadInputError with the nearest names."""
    for net in _NETS:
        if net.name == name:
            return net
    documented = [net.name for net in _NETS if net.document == name]
    if documented:
        raise BadInputError(
            f"{name} is a document, not a net; its nets: {list_first(documented)} "
            "(all: legacy-nets nets)"
        )
    raise BadInputError(
        f"no net is called {name!r}{suggest_names(name, list_nets())} (all: legacy-nets nets)"
    )

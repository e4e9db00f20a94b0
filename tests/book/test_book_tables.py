"""The tables of the book: their cells are those of the registry, the live graph and the CSV."""

from __future__ import annotations

import pytest

from legacy_nets import anatomy, documents
from legacy_nets.book import tables
from legacy_nets.errors import BadInputError


def test_record_of_a_document_says_what_is_not_stated():
    assert tables.tabulate_document("000").rows == (
        ("title", "tensorflow-model-summary"),
        ("author", "Charles"),
        ("address", "https://charles2530.github.io/2023/03/21/tensorflow-model-summary/"),
        ("date", "2023-03-21"),
        ("licence", "CC BY-NC-SA 4.0"),
        ("based on", "not stated"),
        (
            "nets",
            "cnn_lstm, cnn_lstm_resnet, resnet_3d, resnet_2plus1d, resnet_3d_2plus1d, "
            "r2plus1d_18, r3d_18, mc3_18",
        ),
    )
    record = dict(tables.tabulate_document("003").rows)
    assert (record["address"], record["licence"]) == ("not stated", "not stated")
    with pytest.raises(BadInputError) as error:
        tables.tabulate_document("005")
    assert str(error.value) == (
        "no document has the number '005' (documents: 000, 001, 002, 003, 004)"
    )


def test_record_of_a_net():
    assert tables.tabulate_net("inception_v3").rows == (
        ("document", "002 (Inception V3)"),
        ("input", "(?, 299, 299, 3)"),
        ("preprocessing", "inception"),
        ("classes", "1000"),
        ("trainable parameters", "27,143,152"),
        ("outermost variable scope", "InceptionV3"),
        ("outputs with a score for each class", "logits, AuxLogits"),
        ("weights of other frameworks", "none"),
        ("source", "legacy_nets/nets/inception_v3.py"),
    )
    assert dict(tables.tabulate_net("r3d_18").rows)["input"] == "(?, 16, 112, 112, 3)"


def test_layers_are_those_of_the_live_graph():
    table = tables.tabulate_layers(anatomy.analyze_net("demo_cnn"))
    assert table.columns[1:4] == ("operation", "window", "output")
    # 3*3*1*32 + 32 = 320; 26*26*32 values of 9 multiply-adds each = 194,688
    assert table.rows == (
        ("images", "input", "", "(?, 28, 28, 1)", "", "", "1x1"),
        (
            "my_model/conv2d",
            "convolution",
            "3x3 / 1x1 VALID",
            "(?, 26, 26, 32)",
            "320",
            "194,688",
            "3x3",
        ),
        ("my_model/dense", "dense", "", "(?, 128)", "2,769,024", "2,768,896", "all"),
        ("my_model/dense_1", "dense", "", "(?, 10)", "1,290", "1,280", "all"),
        ("total", "", "", "", "2,770,634", "2,964,864", ""),
    )


def test_layers_that_share_a_scope_are_merged():
    table = tables.tabulate_layers(anatomy.analyze_net("demo_cnn"), depth=1)
    assert [row[:2] for row in table.rows] == [
        ("images", "input"),
        ("my_model", "3 layers"),
        ("total", ""),
    ]
    assert table.rows[1][4] == table.rows[2][4] == "2,770,634"


def test_a_reason_that_several_facts_have_is_said_once():
    table = tables.tabulate_facts(documents.facts("001"))
    cells = {row[0]: row[4] for row in table.rows}
    said = [text for text in cells.values() if "the training split is not available" in text]
    assert said == [cells["001-F01"]]
    assert cells["001-F03"] == "1080x64x64x3: not checkable here | 1080x64x64x3 (see 001-F01)"
    assert cells["001-F07"] == "0.956: not checkable here (see 001-F01)"


def test_facts_show_the_measured_value_where_it_is_another():
    table = tables.tabulate_facts(documents.facts("002"))
    cells = dict(zip(table.ids, table.rows, strict=True))
    assert cells["002-F04"] == (
        *("002-F04", "l.10 comment", "map of Conv2d_1a_3x3", "149x149x32", "=", "confirmed"),
    )
    assert cells["002-F02"][4:] == (
        "VALID | SAME, not VALID (VALID is the value of the surrounding arg_scope; slim.conv2d "
        "itself defaults to SAME)",
        "ambiguous",
    )

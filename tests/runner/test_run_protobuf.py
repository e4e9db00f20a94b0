"""Generated modules of old protoc versions, and the values of protobuf 3, under ``run``.

The values are what protobuf 3.20.3 prints with TensorFlow 1.15.5.
"""

import pathlib

import pytest
from scripts_of_users import run, write

GOLDEN = pathlib.Path(__file__).parent.parent / "golden" / "protobuf"

SETUP = """
import copy, pickle
import shop_pb2, base_pb2
from google.protobuf import descriptor, message, symbol_database, text_format
order = shop_pb2.Order(lines=[shop_pb2.Order.Line(name="a", prices=[1, 2.5])], card="c")
order.lines.add(name="b").part.size = 9
order.color = base_pb2.BLUE
order.counts["x"] = 3
order.paid = 1
part = base_pb2.Part()
part.Extensions[shop_pb2.tags].append("t")
part.Extensions[shop_pb2.last_state] = 0
part.Extensions[shop_pb2.Order.of_order].paid = True
color = shop_pb2.Order.DESCRIPTOR.fields_by_name["color"]
lines = shop_pb2.Order.DESCRIPTOR.fields_by_name["lines"]
name = shop_pb2.Order.Line.DESCRIPTOR.fields_by_name["name"]
buy = shop_pb2.Shop.DESCRIPTOR.methods_by_name["Buy"]
bought = []
class Own(shop_pb2.Shop):
    def Buy(self, controller, request, done):
        done(base_pb2.Part(size=request.counts["x"]))
Own().CallMethod(buy, None, order, bought.append)
def as_line(value):
    return text_format.MessageToString(value, as_one_line=True)
"""
GENERATED = {
    "as_line(order)": 'lines { name: "a" prices: 1.0 prices: 2.5 } lines { name: "b" part '
    '{ size: 9 } } color: BLUE card: "c" counts { key: "x" value: 3 } paid: true',
    "order.state, shop_pb2.Order.State.Name(0)": "(1, 'OPEN')",
    "base_pb2.Color.keys(), base_pb2.BLUE": "(['RED', 'BLUE'], 2)",
    "order.WhichOneof('payment'), order.lines[0].HasField('part')": "('card', False)",
    "as_line(part)": (
        '[legacy.shop.Order.of_order] { paid: true } [legacy.shop.tags]: "t" '
        "[legacy.shop.last_state]: OPEN"
    ),
    "part.HasExtension(shop_pb2.last_state), base_pb2.Part().size": "(True, 4)",
    "shop_pb2.Order.FromString(order.SerializeToString()) == order": "True",
    "pickle.loads(pickle.dumps(order)) == copy.deepcopy(order) == order": "True",
    "color.GetOptions().Extensions[base_pb2.hint], color.enum_type.name": "('paint', 'Color')",
    "color.containing_type.name, color.default_value": "('Order', 1)",
    "[field.label for field in (color, name, lines)]": "[1, 2, 3]",
    "lines.label == descriptor.FieldDescriptor.LABEL_REPEATED": "True",
    "shop_pb2.DESCRIPTOR.message_types_by_name['Order'].name, shop_pb2._ORDER.full_name": (
        "('Order', 'legacy.shop.Order')"
    ),
    "shop_pb2.Order.__module__, shop_pb2.Order.Line.__name__": "('shop_pb2', 'Line')",
    "bought[0].size, buy.input_type.name, buy.containing_service.name": "(3, 'Order', 'Shop')",
    "symbol_database.Default().GetSymbol('legacy.shop.Order') is shop_pb2.Order": "True",
    "symbol_database.Default().GetPrototype(shop_pb2._ORDER) is shop_pb2.Order": "True",
    "shop_pb2.TAGS_FIELD_NUMBER, isinstance(order, message.Message)": "(101, True)",
}


def print_each(cases):
    return "".join(f"print(({text}))\n" for text in cases)


@pytest.mark.parametrize("version", ["3_6", "3_15"])
def test_generated_modules_of_protoc_3(tmp_path, version):
    modules = {
        f"{name}_pb2": (GOLDEN / f"protoc_{version}_{name}.txt").read_text()
        for name in ("base", "shop")
    }
    done = run(write(tmp_path, script=SETUP + print_each(GENERATED), **modules))
    assert done.returncode == 0, done.stderr
    assert dict(zip(GENERATED, done.stdout.splitlines(), strict=True)) == GENERATED


def test_a_generated_module_of_protoc_2(tmp_path):
    source = """
    import old_pb2
    order = old_pb2.Order(lines=[old_pb2.Order.Line(prices=[1, 2.5])], state=old_pb2.Order.OPEN)
    print(str(order).split(), old_pb2.Order.FromString(order.SerializeToString()) == order)
    print(old_pb2.Order.__name__, old_pb2.Shop.DESCRIPTOR.name, len(old_pb2.Shop_Stub.__mro__))
    """
    module = (GOLDEN / "protoc_2_5_old.txt").read_text()
    done = run(write(tmp_path, script=source, old_pb2=module))
    assert done.stdout.splitlines() == [
        "['lines', '{', 'prices:', '1', 'prices:', '2.5', '}', 'state:', 'OPEN'] True",
        "Order Shop 4",
    ], done.stderr


def test_descriptors_in_the_script_itself(tmp_path):
    source = r"""
    from google.protobuf import descriptor as d, message, reflection, symbol_database
    file = d.FileDescriptor(name='x.proto', package='x', syntax='proto2',
        serialized_pb=b'\n\x07x.proto\x12\x01x"\x0e\n\x01M\x12\t\n\x01a\x18\x01 \x01(\x05')
    described = d.Descriptor(name='M', full_name='x.M', filename=None, file=file,
        containing_type=None, fields=[d.FieldDescriptor(name='a', full_name='x.M.a', index=0,
            number=1, type=5, cpp_type=1, label=1, has_default_value=False, default_value=0,
            message_type=None, enum_type=None, containing_type=None, is_extension=False,
            extension_scope=None, file=file)], extensions=[], nested_types=[], enum_types=[],
        is_extendable=False, syntax='proto2', extension_ranges=[], oneofs=[], serialized_start=14,
        serialized_end=28)
    file.message_types_by_name['M'] = described
    symbol_database.Default().RegisterFileDescriptor(file)
    M = reflection.GeneratedProtocolMessageType('M', (message.Message,),
        dict(DESCRIPTOR=described, __module__='x_pb2'))
    print(M(a=7).a, M(a=True).a)
    """
    done = run(write(tmp_path, script=source))
    assert (done.stdout, done.stderr) == ("7 1\n", "")


VALUES = {
    "ints(value=np.array([True, False])).value": "[1, 0]",
    "ints(value=[True, 2, np.int64(3), np.bool_(False)]).value": "[1, 2, 3, 0]",
    "ints(value=(flag for flag in (2, True))).value": "[2, 1]",
    "ints(value=[1.0]).value": "TypeError",
    "ints(value=['1']).value": "TypeError",
    "ints(value=[None]).value": "TypeError",
    "changed(ints().value, 'append', True)": "[1]",
    "changed(ints().value, 'extend', [5, np.bool_(True)])": "[5, 1]",
    "changed(ints().value, 'extend', np.array([True]))": "[1]",
    "changed(ints().value, 'extend', iter([5, True]))": "[5, 1]",
    "changed(ints().value, 'append', 1.5)": "TypeError",
    "changed(ints(value=[4]).value, '__setitem__', 0, True)": "[1]",
    "floats(value=[True, np.float32(2.5)]).value": "[1.0, 2.5]",
    "tf.train.BytesList(value=[b'a', bytearray(b'b')]).value": "TypeError",
    "tf.train.BytesList(value=['a']).value": "TypeError",
    "tf.train.Feature(int64_list={'value': [True]}).int64_list.value": "[1]",
    "tf.train.Features(feature={'a': tf.train.Feature(int64_list=ints(value=[True]))})"
    ".feature['a'].int64_list.value": "[1]",
    "tf.ConfigProto(allow_soft_placement=1.0).allow_soft_placement": "True",
    "tf.ConfigProto(allow_soft_placement=0.5).allow_soft_placement": "False",
    "tf.ConfigProto(allow_soft_placement='yes').allow_soft_placement": "TypeError",
    "tf.ConfigProto(device_count={'GPU': True}).device_count['GPU']": "1",
    "tf.ConfigProto(gpu_options={'allow_growth': 1}).gpu_options.allow_growth": "True",
    "tf.ConfigProto(nothing_such=1)": "ValueError",
    "assigned(tf.ConfigProto(), 'inter_op_parallelism_threads', True)": "1",
    "assigned(tf.ConfigProto(), 'allow_soft_placement', np.float32(3))": "True",
    "assigned(tf.ConfigProto().gpu_options, 'allow_growth', 1.0)": "True",
    "assigned(tf.ConfigProto(), 'inter_op_parallelism_threads', 1.5)": "TypeError",
    "assigned(tf.AttrValue(), 'type', True)": "1",
    "assigned(tf.NodeDef(), 'name', b'n')": "n",
    "assigned(tf.NodeDef(), 'nothing_such', 1)": "AttributeError",
}
VALUES_SETUP = """
import numpy as np
import tensorflow as tf
ints, floats = tf.train.Int64List, tf.train.FloatList
def changed(values, method, *arguments):
    getattr(values, method)(*arguments)
    return values
def assigned(message, name, value):
    setattr(message, name, value)
    return getattr(message, name)
def show(compute):
    try:
        return compute()
    except (AttributeError, TypeError, ValueError) as error:
        return type(error).__name__
"""


@pytest.fixture(scope="module")
def values(tmp_path_factory):
    prints = print_each(f"show(lambda: {text})" for text in VALUES)
    done = run(write(tmp_path_factory.mktemp("values"), script=VALUES_SETUP + prints))
    assert (done.returncode, done.stderr) == (0, "")
    return dict(zip(VALUES, done.stdout.splitlines(), strict=True))


@pytest.mark.parametrize("text", VALUES)
def test_values_that_protobuf_3_took(values, text):
    assert values[text] == VALUES[text]

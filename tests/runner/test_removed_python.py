"""What Python 3.7 had and today's Python lacks, under ``run``: what 3.7.16 printed for the same."""

import asyncio
import importlib
import random
import sys
import types
import unittest

import numpy as np
import pytest
from scripts_of_users import run, write

from legacy_nets.runner import removed_names
from legacy_nets.runner.removed_table import CHANGED_CALLS
from legacy_nets.runner.shims import calls, functions, imghdr, imp, stdlib

SETUP = """
import asyncio, cgi, collections, configparser, hmac, imp, importlib, inspect, io, json, math
import platform, plistlib, random, sys, tarfile, threading, unittest
import dummy_threading
import numpy as np
import xml.etree.ElementTree as ET
from fractions import gcd
from html.parser import HTMLParser
from random import sample
def seeded(seed):
    random.seed(seed)
    return random.random()
def shuffled(draw):
    values = list(range(6))
    random.shuffle(values, draw)
    return values
def read(text):
    parser = configparser.SafeConfigParser()
    parser.readfp(io.StringIO(text))
    return parser.get("a", "b")
@asyncio.coroutine
def add_one(x):
    yield from asyncio.sleep(0)
    return x + 1
@asyncio.coroutine
def add_two(x):
    return (yield from add_one((yield from add_one(x))))
async def add_all():
    return await add_one(1) + await add_two(1)
def show(compute):
    try:
        return compute()
    except (TypeError, ValueError) as error:
        return type(error).__name__
tree = ET.fromstring("<a><b/><c><b/></c></a>")
class Case(unittest.TestCase):
    def test_names(self):
        self.assertEquals(1, 1)
        self.failUnless(True)
        with self.assertRaisesRegexp(ValueError, "a"):
            raise ValueError("a")
"""
CASES = {
    "sample({1}, 1), random.sample({5: 1}.keys(), 1)": "([1], [5])",
    "[seeded(1), random.sample({3, 1, 2, 9, 11}, 3)][1]": "[1, 3, 11]",
    "random.sample(3, 1)": "TypeError",
    "seeded(np.int64(3)), seeded(np.int32(-3))": "(0.23796462709189137, 0.4710496035798619)",
    "seeded(np.float32(0.5)), seeded(3)": "(0.2794930785867423, 0.23796462709189137)",
    "seeded([1])": "TypeError",
    "shuffled(lambda: 0.3)": "[3, 2, 0, 4, 5, 1]",
    "random.randrange(0.0, 1.0), random.randint(2, 2.0)": "(0, 2)",
    "json.loads('[1]', encoding='utf-8'), json.load(io.StringIO('2'), encoding='x')": "([1], 2)",
    "json.loads('x', encoding='utf-8')": "JSONDecodeError",
    "json.loads('1', nothing_such=2)": "TypeError",
    "math.factorial(5.0), gcd(12, 18)": "(120, 6)",
    "hmac.new(b'k', b'm').hexdigest()": "ed7e724d3a91554aaa2043041d9c5305",
    "asyncio.new_event_loop().run_until_complete(add_all())": "5",
    "HTMLParser().unescape('&lt;&eacute;'), cgi.escape('<\"')": "('<é', '&lt;\"')",
    "threading.Thread(target=print).isAlive()": "False",
    "hasattr(threading.Thread, 'isAlive'), hasattr(threading.Thread, 'isDead')": "(True, False)",
    "read('[a]\\nb = 1')": "1",
    "importlib.find_loader('nothing_such'), importlib.find_loader('json').name": "(None, 'json')",
    "open(__file__, 'rU').read(1), io.open(__file__, mode='rbU').read(1)": "('\\n', b'\\n')",
    "[x.tag for x in tree.getchildren()]": "['b', 'c']",
    "len(list(tree.getiterator('b'))), len(list(ET.ElementTree(tree).getiterator()))": "(2, 4)",
    "collections.Awaitable is collections.abc.Awaitable": "True",
    "unittest.TextTestRunner(stream=io.StringIO()).run(unittest.makeSuite(Case)).failures": "[]",
    "imp.load_module('j', *imp.find_module('json')).dumps([1]), imp.find_module('cmd')[2][0]": (
        "('[1]', '.py')"
    ),
    "dummy_threading.Thread.__name__": "Thread",
    "plistlib.readPlistFromBytes(plistlib.writePlistToBytes({'a': 1}))": "{'a': 1}",
    "sys.setcheckinterval(100), sys.getcheckinterval()": "(None, 100)",
    "tarfile.filemode(0o644), platform.popen('echo a').read()": "('?rw-r--r--', 'a\\n')",
    "len(platform.linux_distribution()), inspect.ArgSpec._fields[1]": "(3, 'varargs')",
}


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    pytest.importorskip("cgi")  # gone in 3.13
    prints = "".join(f"print(show(lambda: ({text})))\n" for text in CASES)
    finished = run(write(tmp_path_factory.mktemp("python"), script=SETUP + prints))
    assert finished.returncode == 0, finished.stderr
    return finished


@pytest.mark.parametrize("text", CASES)
def test_as_in_3_7(done, text):
    assert dict(zip(CASES, done.stdout.splitlines(), strict=True))[text] == CASES[text]


def test_one_notice_each(done):
    notices = [line for line in done.stderr.splitlines() if line.startswith("legacy-nets: ")]
    assert len(notices) == len(set(notices))
    for notice in (
        "random.sample of a set was removed in Python 3.11; using its tuple instead",
        "mode 'rU' of open was removed in Python 3.11; using 'r' instead",
        "json.loads with encoding= was removed in Python 3.9; using json.loads without it instead",
        "threading.Thread.isAlive was removed in Python 3.9; using threading.Thread.is_alive "
        "instead",
    ):
        assert "legacy-nets: " + notice in notices


def test_libraries_do_not_see_removed_methods_and_strict_adds_nothing(tmp_path):
    source = "import random, threading\nprint(random.sample({1}, 1))\n"
    strict = run("--strict", write(tmp_path, script=source))
    assert strict.returncode == 1 and "TypeError: Population must be" in strict.stderr
    source = """
    import threading
    print(hasattr(threading.Thread, "isAlive"))
    exec("print(hasattr(threading.Thread, 'isAlive'))", {"threading": threading})
    """
    done = run(write(tmp_path, script=source))
    assert done.stdout == "True\nFalse\n"


def test_modules_of_the_script_may_have_names_of_python(tmp_path, monkeypatch):
    source = "import wave\nprint(wave.value, hasattr(wave, 'lost'))\n"
    done = run(write(tmp_path, script=source, wave="value = 2\n"))
    assert (done.stdout, done.stderr) == ("2 False\n", "")
    own = types.ModuleType("hmac")
    monkeypatch.setitem(sys.modules, "hmac", own)
    removed_names.add_shims("hmac", lambda names: True)
    assert not hasattr(own, "new")


@pytest.mark.parametrize("row", removed_names.REMOVED_NAMES, ids=lambda row: row.path)
def test_each_replacement_exists(row):
    module, _, attributes = row.replacement.partition(":")
    if not row.since.startswith("Python"):
        pytest.importorskip(module)
    if row.module == "numpy" and row.name in vars(np):
        pytest.skip("this NumPy has the name itself")
    value = importlib.import_module(module)
    for attribute in filter(None, attributes.split(".")):
        value = getattr(value, attribute)
    assert row.path == "sqlite3.OptimizedUnicode" or value is not None


def test_each_changed_call_has_its_function():
    for row in CHANGED_CALLS:
        module, _, name = row.owner.partition(":")
        owner = importlib.import_module(module)
        assert callable(getattr(getattr(owner, name) if name else owner, row.function))
        assert callable(getattr(calls, row.function))


@pytest.mark.parametrize(
    ("first_bytes", "name"),
    [
        (b"\x89PNG\r\n\x1a\n", "png"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "jpeg"),
        (b"\xff\xd8\xff\xdb", "jpeg"),
        (b"GIF89a", "gif"),
        (b"BM6", "bmp"),
        (b"RIFF\x00\x00\x00\x00WEBP", "webp"),
        (b"P6\n", "ppm"),
        (b"II*\x00", "tiff"),
        (b"plain text", None),
        (b"", None),
    ],
)
def test_imghdr(tmp_path, first_bytes, name):
    path = tmp_path / "image"
    path.write_bytes(first_bytes)
    assert imghdr.what(None, first_bytes) == imghdr.what(path) == name
    with open(path, "rb") as file:
        assert imghdr.what(file) == name
        assert file.tell() == 0


def test_imp(tmp_path):
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("value = 1\n")
    (tmp_path / "plain.py").write_text("value = 'é'\n", encoding="utf-8")
    for name, value in (("package", 1), ("plain", "é")):
        file, path, details = imp.find_module(name, [str(tmp_path)])
        assert imp.load_module(f"loaded_{name}", file, path, details).value == value
        assert (file is None) == (name == "package")
        if file is not None:
            file.close()
    assert imp.find_module("sys") == (None, None, ("", "", imp.C_BUILTIN))
    with pytest.raises(ImportError, match="No module named 'lost'"):
        imp.find_module("lost", [str(tmp_path)])


def test_functions_that_today_s_python_here_may_still_have():
    class Case(unittest.TestCase):
        def check_one(self):
            pass

    full = stdlib.formatargspec(["a", "b"], "c", "d", (1,), ["k", "l"], {"l": 2})
    assert full == "(a, b=1, *c, k, l=2, **d)"
    assert stdlib.formatargspec([]) == "()"
    assert stdlib.make_suite(Case, "check").countTestCases() == 1
    assert stdlib.find_loader("json").name == "json" and stdlib.find_loader("lost") is None
    assert asyncio.run(stdlib.coroutine(lambda: 5)()) == 5
    assert calls.randrange(random.Random.randrange, random.Random(0), 4.0) in range(4)
    assert calls.randrange(random.Random.randrange, random.Random(0), 4.5) is NotImplemented
    assert functions.getargspec(lambda a, *b, **c: 0) == (["a"], "b", "c", None)

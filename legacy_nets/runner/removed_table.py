"""The names that numpy, scipy, sklearn and Python itself have removed, and what replaces each."""

from __future__ import annotations

from typing import NamedTuple


class RemovedName(NamedTuple):
    """A removed name: its module, the release that removed it, and its replacement."""

    module: str  # or "module:Class", of a method
    name: str
    since: str
    replacement: str  # "module" or "module:attribute"

    @property
    def path(self) -> str:
        """``numpy.int``; a module of Python itself has no dot."""
        return f"{self.module}.{self.name}".lstrip(".").replace(":", ".")


SHIMS = "legacy_nets.runner.shims"


def _rows(module: str, since: str, **replacements: str) -> list[RemovedName]:
    return [
        RemovedName(module, name, since, replacement) for name, replacement in replacements.items()
    ]


def _methods(owner: str, since: str, **replacements: str) -> list[RemovedName]:
    """Rows of methods that have another name in the same class."""
    return _rows(owner, since, **{old: f"{owner}.{new}" for old, new in replacements.items()})


class ChangedCall(NamedTuple):
    """A call that Python 3.7 took and today's Python refuses."""

    owner: str  # "module" or "module:Class"
    function: str
    call: str  # in words
    since: str
    replacement: str  # in words; what does it is the function in shims/calls.py


REMOVED_NAMES = (
    *_rows(
        "numpy",
        "NumPy 1.24",
        int="builtins:int",
        long="builtins:int",
        float="builtins:float",
        bool="builtins:bool",
        complex="builtins:complex",
        object="builtins:object",
        str="builtins:str",
        unicode="builtins:str",
        typeDict="numpy:sctypeDict",
        asscalar=f"{SHIMS}.functions:asscalar",
        rank="numpy:ndim",
    ),
    *_rows(
        "numpy",
        "NumPy 2",
        float_="numpy:float64",
        complex_="numpy:complex128",
        string_="numpy:bytes_",
        unicode_="numpy:str_",
        Inf="numpy:inf",
        Infinity="numpy:inf",
        infty="numpy:inf",
        PINF="numpy:inf",
        NINF=f"{SHIMS}.functions:NINF",
        NaN="numpy:nan",
        product="numpy:prod",
        cumproduct="numpy:cumprod",
        alltrue="numpy:all",
        sometrue="numpy:any",
        round_="numpy:round",
        row_stack="numpy:vstack",
        in1d="numpy:isin",
        trapz="numpy:trapezoid",
        mat="numpy:asmatrix",
        asfarray=f"{SHIMS}.functions:asfarray",
    ),
    *_rows("numpy.random", "NumPy 2.4", random_integers=f"{SHIMS}.functions:random_integers"),
    *_rows("numpy.core", "NumPy 2", umath_tests=f"{SHIMS}.functions"),
    *_rows("scipy", "SciPy 1.12", misc=f"{SHIMS}.scipy_misc"),
    *_rows(
        "scipy.misc",
        "SciPy 1.3",
        **{
            name: f"{SHIMS}.scipy_misc:{name}"
            for name in ("bytescale", "comb", "factorial", "fromimage", "imread", "imresize")
            + ("imrotate", "imsave", "imshow", "logsumexp", "toimage")
        },
    ),
    *_rows(
        "scipy.ndimage",
        "SciPy 1.2 and 2",
        imread=f"{SHIMS}.scipy_misc:imread",
        filters="scipy.ndimage",
        fourier="scipy.ndimage",
        interpolation="scipy.ndimage",
        measurements="scipy.ndimage",
        morphology="scipy.ndimage",
    ),
    *_rows("scipy.sparse.linalg.eigen", "SciPy 1.8", arpack="scipy.sparse.linalg"),
    *_rows("scipy.signal", "SciPy 1.13", gaussian="scipy.signal.windows:gaussian"),
    *_rows("scipy.integrate", "SciPy 1.14", simps="scipy.integrate:simpson"),
    *_rows(
        "PIL.Image",
        "Pillow 10",
        ANTIALIAS="PIL.Image:Resampling.LANCZOS",
        LINEAR="PIL.Image:Resampling.BILINEAR",
        CUBIC="PIL.Image:Resampling.BICUBIC",
    ),
    *_rows(
        "sklearn",
        "scikit-learn 0.20",
        cross_validation="sklearn.model_selection",
        grid_search="sklearn.model_selection",
        learning_curve="sklearn.model_selection",
    ),
    *_rows("gym.logger", "gym 0.22", MIN_LEVEL="gym.logger:min_level"),
    *_rows("sklearn.externals", "scikit-learn 0.23", joblib="joblib", six="six"),
    *_rows("sklearn.preprocessing", "scikit-learn 0.22", Imputer="sklearn.impute:SimpleImputer"),
    *_rows(
        "collections",
        "Python 3.10",
        **{
            name: f"collections.abc:{name}"
            for name in ("AsyncGenerator", "AsyncIterable", "AsyncIterator", "Awaitable")
            + ("Callable", "Collection", "Container", "Coroutine", "Generator", "Hashable")
            + ("ItemsView", "Iterable", "Iterator", "KeysView", "Mapping", "MappingView")
            + ("MutableMapping", "MutableSequence", "MutableSet", "Reversible", "Sequence", "Set")
            + ("Sized", "ValuesView")
        },
    ),
    *_rows("google.protobuf", "protobuf 6", service=f"{SHIMS}.protobuf_service"),
    *_rows(
        "google.protobuf.reflection",
        "protobuf 5",
        MakeClass="google.protobuf.message_factory:GetMessageClass",
    ),
    *_rows(
        "google.protobuf.message_factory",
        "protobuf 5",
        MessageFactory=f"{SHIMS}.protobuf_service:MessageFactory",
    ),
    *_rows(
        "google.protobuf.symbol_database:SymbolDatabase",
        "protobuf 5",
        GetPrototype=f"{SHIMS}.protobuf_service:get_prototype",
    ),
    *_rows("time", "Python 3.8", clock="time:perf_counter"),
    *_rows(
        "cgi",
        "Python 3.8",
        escape=f"{SHIMS}.stdlib:escape",
        parse_qs="urllib.parse:parse_qs",
        parse_qsl="urllib.parse:parse_qsl",
    ),
    *_rows(
        "platform",
        "Python 3.8",
        linux_distribution=f"{SHIMS}.stdlib:linux_distribution",
        dist=f"{SHIMS}.stdlib:linux_distribution",
        popen="os:popen",
    ),
    *_rows("tarfile", "Python 3.8", filemode="stat:filemode"),
    *_rows(
        "sys",
        "Python 3.9",
        getcheckinterval=f"{SHIMS}.stdlib:getcheckinterval",
        setcheckinterval=f"{SHIMS}.stdlib:setcheckinterval",
    ),
    *_rows("fractions", "Python 3.9", gcd="math:gcd"),
    *_rows(
        "base64", "Python 3.9", encodestring="base64:encodebytes", decodestring="base64:decodebytes"
    ),
    *_rows("xml.etree", "Python 3.9", cElementTree="xml.etree.ElementTree"),
    *_rows("html.parser:HTMLParser", "Python 3.9", unescape=f"{SHIMS}.stdlib:unescape"),
    *_methods("threading:Thread", "Python 3.9", isAlive="is_alive"),
    *_rows(
        "plistlib",
        "Python 3.9",
        readPlist=f"{SHIMS}.stdlib:readPlist",
        writePlist=f"{SHIMS}.stdlib:writePlist",
        readPlistFromBytes="plistlib:loads",
        writePlistToBytes="plistlib:dumps",
    ),
    *_rows("", "Python 3.9", dummy_threading="threading", _dummy_thread="_thread"),
    *_rows(
        "inspect",
        "Python 3.11",
        getargspec=f"{SHIMS}.functions:getargspec",
        ArgSpec=f"{SHIMS}.functions:ArgSpec",
        formatargspec=f"{SHIMS}.stdlib:formatargspec",
    ),
    *_rows("asyncio", "Python 3.11", coroutine=f"{SHIMS}.stdlib:coroutine"),
    *_rows("", "Python 3.12", imp=f"{SHIMS}.imp", distutils="setuptools._distutils"),
    *_rows("importlib", "Python 3.12", find_loader=f"{SHIMS}.stdlib:find_loader"),
    *_rows("configparser", "Python 3.12", SafeConfigParser="configparser:ConfigParser"),
    *_methods("configparser:RawConfigParser", "Python 3.12", readfp="read_file"),
    *_rows("locale", "Python 3.12", format="locale:format_string"),
    *_rows("locale", "Python 3.13", resetlocale=f"{SHIMS}.stdlib:resetlocale"),
    *_rows("io", "Python 3.12", OpenWrapper="io:open"),
    *_rows("typing", "Python 3.13", io="typing", re="typing"),
    *_rows("sqlite3", "Python 3.12", OptimizedUnicode="builtins:str"),
    *_rows("wave", "Python 3.9", openfp="wave:open"),
    *_methods(
        "unittest:TestCase",
        "Python 3.12",
        assertEquals="assertEqual",
        assertNotEquals="assertNotEqual",
        assert_="assertTrue",
        assertAlmostEquals="assertAlmostEqual",
        assertNotAlmostEquals="assertNotAlmostEqual",
        assertRegexpMatches="assertRegex",
        assertNotRegexpMatches="assertNotRegex",
        assertRaisesRegexp="assertRaisesRegex",
        failUnlessEqual="assertEqual",
        failIfEqual="assertNotEqual",
        failUnless="assertTrue",
        failIf="assertFalse",
        failUnlessRaises="assertRaises",
        failUnlessAlmostEqual="assertAlmostEqual",
        failIfAlmostEqual="assertNotAlmostEqual",
    ),
    *_rows(
        "unittest",
        "Python 3.13",
        makeSuite=f"{SHIMS}.stdlib:make_suite",
        _TextTestResult="unittest:TextTestResult",
    ),
    *_rows("", "Python 3.13", pipes="shlex", imghdr=f"{SHIMS}.imghdr"),
)

# Calls of Python's own functions: (owner, function, call, since, replacement).
CHANGED_CALLS = (
    ChangedCall("random:Random", "sample", "of a set", "Python 3.11", "its tuple"),
    ChangedCall("random:Random", "seed", "with any object", "Python 3.11", "its hash"),
    ChangedCall(
        "random:Random", "shuffle", "with a random function", "Python 3.11", "Python 3.7's steps"
    ),
    ChangedCall("random:Random", "randrange", "of floats", "Python 3.12", "their integers"),
    ChangedCall("json", "loads", "with encoding=", "Python 3.9", "json.loads without it"),
    ChangedCall("math", "factorial", "of a float", "Python 3.10", "its integer"),
    ChangedCall("hmac", "new", "without digestmod", "Python 3.8", "md5"),
)

# Functions that now demand an argument which had a default: (module, functions, its value).
DEFAULT_ARGUMENTS = (("yaml", ("load", "load_all"), "FullLoader"),)  # PyYAML 6

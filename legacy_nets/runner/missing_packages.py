"""Third-party modules that a script imports and that are not installed: one line names the package.

Only packages that are known are named: a module of another name may be the script's own.
"""

from __future__ import annotations

import importlib.machinery
import re
import sys

from legacy_nets.runner.tf1_libraries import TF1_LIBRARIES

_EXTRAS = ("run", "distributions")  # extras of legacy-nets that hold packages for scripts

# Packages that are imported by another name.
_PACKAGES = {
    "Bio": "biopython",
    "Crypto": "pycryptodome",
    "Levenshtein": "python-Levenshtein",
    "MySQLdb": "mysqlclient",
    "OpenGL": "PyOpenGL",
    "PIL": "pillow",
    "absl": "absl-py",
    "attr": "attrs",
    "audioop": "audioop-lts",
    "bs4": "beautifulsoup4",
    "cairo": "pycairo",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "faiss": "faiss-cpu",
    "fitz": "PyMuPDF",
    "git": "GitPython",
    "igraph": "python-igraph",
    "magic": "python-magic",
    "mpl_toolkits": "matplotlib",
    "osgeo": "GDAL",
    "progressbar": "progressbar2",
    "pywt": "PyWavelets",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "wx": "wxPython",
    "yaml": "pyyaml",
    "zmq": "pyzmq",
}
# Packages that are imported by their own name.
_SAME_NAME = frozenset(
    "Cython SimpleITK audioread boto3 comet_ml configobj editdistance flask gensim "
    "graphviz hdf5storage hyperopt imgaug ipdb jieba librosa lightgbm lmdb lxml moviepy mpi4py "
    "msgpack nibabel numba ortools pexpect plotly prettytable psutil pybullet pycocotools pydicom "
    "pydot pygame pyglet pymongo pypinyin python_speech_features redis regex resampy sacred "
    "seaborn sentencepiece shapely simplejson soundfile spacy statsmodels tabulate "
    "tensorboardX tensorflow_datasets tensorflow_hub termcolor toolz torch torchvision tornado "
    "trimesh ujson unidecode wandb xgboost xlrd zarr".split()
)

# Modules that Python removed after 3.7: packages of the name standard-aifc and so on have them.
_REMOVED = frozenset(
    "aifc asynchat asyncore cgi cgitb chunk crypt mailcap nntplib smtpd sndhdr sunau telnetlib uu "
    "xdrlib".split()
)
_PYTHON_2 = frozenset(
    "BaseHTTPServer ConfigParser Cookie HTMLParser Queue SimpleHTTPServer SocketServer StringIO "
    "Tkinter UserDict __builtin__ cPickle cStringIO commands cookielib copy_reg htmlentitydefs "
    "httplib md5 sets thread tkMessageBox urllib2 urlparse xmlrpclib".split()
)


def explain_missing_module(error: BaseException) -> str | None:
    """Returns a line on the package to install, where a script lacks a third-party module.

    A library may go on without an optional module; its NameError names the module later, as Keras
    does with scipy. None for any other error, and for a submodule of what is installed.
    """
    if not isinstance(error, (ModuleNotFoundError, NameError)) or not error.name:
        return None
    name = error.name.partition(".")[0]
    if isinstance(error, NameError) and _find_package(name) is None:
        return None
    if name in sys.stdlib_module_names or _is_installed(name):
        return None
    if name in _PYTHON_2:
        return f"{name} is a module of Python 2: convert the script with 2to3 (pip install 2to3)"
    package = _find_package(name)
    if package is None:
        return (
            f"no module {name}: if it is the script's own, set PYTHONPATH to the folder that holds "
            "it; if it is a library, install it with pip"
        )
    extra = next((e for e in _EXTRAS if _normalize(package) in _list_extra(e)), None)
    wanted = f"legacy-nets[{extra}]" if extra else package
    quoted = f"'{wanted}'" if re.search(r"[\[<]", wanted) else wanted
    others = ", with the other packages of that time" if extra == "run" else ""
    return f"the module {name} is missing: install it with pip install {quoted}{others}"


def _is_installed(name: str) -> bool:
    return importlib.machinery.PathFinder.find_spec(name) is not None


def _find_package(name: str) -> str | None:
    """Finds the package for a module's name: what pip takes; None where it is not known."""
    if name in TF1_LIBRARIES:
        library = TF1_LIBRARIES[name]
        limit = f"<{library.tf2_release}" if library.tf2_release else ""
        return library.distribution + limit
    if name in _PACKAGES:
        return _PACKAGES[name]
    if name in _REMOVED:
        return f"standard-{name}"
    in_extra = any(_normalize(name) in _list_extra(extra) for extra in _EXTRAS)
    return name.replace("_", "-") if in_extra or name in _SAME_NAME else None


def _list_extra(extra: str) -> set[str]:
    """Lists the packages of an extra of legacy-nets, as its installed metadata tells."""
    from legacy_nets import packages  # takes 20 ms, which a start of "run" need not

    return {package.name for package in packages.list_packages(extra)}


def _normalize(name: str) -> str:
    """Writes a package's name as pip compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()

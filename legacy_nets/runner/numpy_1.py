"""NumPy 1's behaviour: what NumPy 2 refuses is explained, and its warnings are counted."""

from __future__ import annotations

import collections
import re
import sys
import types
import warnings
from collections.abc import Callable
from typing import TextIO

# Errors of NumPy 2 where NumPy 1.26 computed.
_ERRORS = re.compile(
    "|".join(
        (
            r"only 0-dimensional arrays can be converted",
            r"a real number is required, not numpy\.ndarray",
            r"Unable to avoid copy while creating an array",
            r"removed in the NumPy 2\.0 release",
            r"binary mode of fromstring is removed|could not be read to its end due to unmatched",
            r"Python integer -?\d+ out of bounds for u?int\d+",
            r"reshape\(\) got an unexpected keyword argument 'newshape'",
            r"(quantile|percentile)\(\) got an unexpected keyword argument 'interpolation'",
            r"'numpy\.\w+' object has no attribute '(ptp|itemset|newbyteorder|tostring)'",
            r"module 'numpy' has no attribute '(bool8|int0|uint0|object0|str0|bytes0|void0|math"
            r"|compat|msort|disp|trapz|in1d|product|cumproduct|RankWarning|NAN|MAXDIMS|BUFSIZE)'",
            r"module 'numpy\.(linalg|fft)' has no attribute '(linalg|helper)'",
            r"numpy\.\S+ is now private",
            r"No module named 'numpy\.(compat|lib\.\w+)'",
            r"Calling np\.sum\(generator\)",
            r"truth value of an empty array is ambiguous",
            r"Calling nonzero on 0d arrays is not allowed",
            r"can_cast\(\) does not support Python ints",
            r"compiled using NumPy 1|numpy\.dtype size changed|_ARRAY_API not found",
        )
    )
)
_LIBRARIES = ("numpy", "scipy")

counts: collections.Counter[str] = collections.Counter()  # hidden warnings, by their first line
counts_all = False  # --report: also those that Python ignores, of modules other than __main__


def explain_error(error: BaseException) -> str | None:
    """Explains in one line an error of NumPy 2 where NumPy 1 computed; None for any other."""
    version = getattr(sys.modules.get("numpy"), "__version__", "1")
    if version.startswith("1.") or not _ERRORS.search(str(error)):
        return None
    python = "" if sys.version_info < (3, 13) else ", with Python 3.12 or older"
    return (
        f"NumPy {version} refuses what NumPy 1 did here: make an environment of its own{python}, "
        "and pip install 'legacy-nets[run]' there, which has NumPy 1.26"
    )


def hide_warnings(is_own_file: Callable[[str], bool]) -> None:
    """Hides what today's NumPy and SciPy deprecate in the script's own modules, and counts it.

    Warnings of the script itself are printed as before. So are all under Python's option -W.

    Args:
      is_own_file: tells whether a file is one of the script's own modules.
    """
    if sys.warnoptions:
        return
    if counts_all:
        warnings.simplefilter("default", DeprecationWarning)
    for category in (SyntaxWarning, DeprecationWarning):  # Python 3.7 printed neither text
        warnings.filterwarnings("ignore", ".*(invalid escape sequence|with .*literal)", category)
    show = warnings.showwarning

    def show_others(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if _is_deprecation(category) and is_own_file(filename):
            if _is_of_library(sys._getframe(1), filename):
                counts[str(message).partition("\n")[0]] += 1
                return
        is_ignored = counts_all and issubclass(category, DeprecationWarning)
        if not is_ignored or filename == vars(sys.modules["__main__"]).get("__file__"):
            show(message, category, filename, lineno, file, line)

    warnings.showwarning = show_others


def _is_deprecation(category: type[Warning]) -> bool:
    """Whether a warning is a DeprecationWarning, or NumPy's VisibleDeprecationWarning."""
    return issubclass(category, DeprecationWarning) or category.__module__.startswith("numpy")


def _is_of_library(frame: types.FrameType, filename: str) -> bool:
    """Whether NumPy or SciPy warned of a line in a file: in a frame of theirs, or from C.

    Args:
      frame: of the call of ``warnings.showwarning``.
    """
    while frame.f_back is not None and frame.f_globals.get("__name__") == "warnings":
        frame = frame.f_back
    if str(frame.f_globals.get("__name__")).partition(".")[0] in _LIBRARIES:
        return True
    warns_itself = {"warn", "warn_explicit"} & set(frame.f_code.co_names)
    return frame.f_code.co_filename == filename and not warns_itself

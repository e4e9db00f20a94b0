"""Reads the lines of the documents that facts cite, and finds the stated values in them."""

from __future__ import annotations

import os
import pathlib
import re

ROOT = pathlib.Path(__file__).parents[2]


def find_documents() -> pathlib.Path | None:
    """Finds the folder of the documents; None if it is not here."""
    named = os.environ.get("LEGACY_NETS_DOCUMENTS")
    folder = pathlib.Path(named) if named else ROOT.parent / "shared" / "seeds"
    return folder if any(folder.glob("00[0-4]_*.txt")) else None


def read_document(folder: pathlib.Path, number: str) -> list[str]:
    """Reads the lines of a document; line 1 has index 0."""
    (path,) = folder.glob(f"{number}_*.txt")
    return path.read_text(encoding="utf-8").split("\n")


def list_line_numbers(place: str) -> list[int]:
    """Lists the line numbers of a place: "l.11, 13-14 text" gives 11, 13, 14."""
    numbers: list[int] = []
    for match in re.finditer(r"(?:l\.\s*|,\s*)(\d+)(?:-(\d+))?(?![\dx.])", place):
        numbers += range(int(match[1]), int(match[2] or match[1]) + 1)
    return numbers


def list_missing_values(stated: str, cited: str) -> list[str]:
    """Lists the parts of a stated value that the cited text lacks.

    Numbers are looked up as numbers, and not within names: conv1 has no 1, 3D no 3. Names that have
    digits (int64, Mixed_5b) are looked up as they are, words where there is neither.
    """
    plain = re.sub(r"(?<=\d),(?=\d{3}(?!\d))|\bN(?=x)", "", stated)  # 1,080 and Nx28x28x1
    words = re.split(r"[,\s]+", _split_shapes(plain))
    names = [word for word in words if re.search(_NAME + r"(?<=\d)", word)]
    numbers = [number for word in words if word not in names for number in _list_numbers(word)]
    present = {float(number) for number in _list_numbers(re.sub(rf"{_NAME}|\dD\b", " ", cited))}
    missing = [number for number in numbers if float(number) not in present]
    text = cited.casefold()
    others = names if names or numbers else words
    return missing + [word for word in others if word.casefold() not in text]


_NAME = r"(?a:(?<![0-9A-Za-z_])[A-Za-z_]\w*)"


def _split_shapes(text: str) -> str:
    return re.sub(r"(?<![A-Za-z])[xX](?=[\d?])", " ", text)


def _list_numbers(text: str) -> list[str]:
    """Lists the numbers, also with "1,080" as 1080, and with the x of 3x3 as a separator."""
    separated = _split_shapes(text)
    joined = re.findall(r"(?<![\d,])\d{1,3}(?:,\d{3})+(?![\d,])", separated)
    numbers = re.findall(r"\d+(?:\.\d*)?(?:e-?\d+)?", separated)
    return numbers + [number.replace(",", "") for number in joined]

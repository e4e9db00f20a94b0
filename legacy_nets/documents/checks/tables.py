"""The tables of check functions by document. Importing this imports TensorFlow."""

from __future__ import annotations

from legacy_nets.documents.checks import (
    common,
    document_000,
    document_001,
    document_002,
    document_003,
    document_004_errata,
    document_004_plain,
    document_004_residual,
    document_004_vit,
    document_004_windows,
)
from legacy_nets.documents.checks.common import Check

CHECKS: dict[str, dict[str, Check]] = {  # number of a document -> name in its tables -> function
    "000": document_000.CHECKS,
    "001": document_001.CHECKS,
    "002": document_002.CHECKS,
    "003": document_003.CHECKS,
    "004": {
        **document_004_errata.CHECKS,
        **document_004_plain.CHECKS,
        **document_004_residual.CHECKS,
        **document_004_vit.CHECKS,
        **document_004_windows.CHECKS,
    },
}


def get_check(document: str, name: str) -> Check:
    """Returns the check function of a document, or the common one, by the name in the tables."""
    check = CHECKS[document].get(name) or common.CHECKS.get(name)
    if check is None:
        raise LookupError(f"no check {name} in CHECKS of document_{document}*.py or common.py")
    return check

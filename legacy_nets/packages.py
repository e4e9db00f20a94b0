"""The packages that legacy-nets asks for, with what is installed, as the metadata tell."""

from __future__ import annotations

import dataclasses
from importlib import metadata

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

DISTRIBUTION = "legacy-nets"


@dataclasses.dataclass(frozen=True)
class Package:
    """One required package. ``installed`` is its version, None where it is missing."""

    name: str  # as pip compares it: "scikit-learn"
    wanted: str  # versions: "<2,>=1.26", "" for any
    installed: str | None

    @property
    def fits(self) -> bool:
        """Whether it is installed in a version that is wanted."""
        specifier = SpecifierSet(self.wanted)
        return self.installed is not None and specifier.contains(self.installed, prereleases=True)


def list_extras() -> list[str]:
    """Lists the extras of legacy-nets; none where it is not installed."""
    try:
        return metadata.metadata(DISTRIBUTION).get_all("Provides-Extra") or []
    except metadata.PackageNotFoundError:
        return []


def list_packages(extra: str = "", distribution: str = DISTRIBUTION) -> list[Package]:
    """Lists the packages that an extra needs on this Python; "" is what legacy-nets itself needs.

    An extra of another package, as in ``tensorflow[and-cuda]``, counts as the packages it needs.
    Empty where the distribution is not installed.
    """
    try:
        lines = metadata.requires(distribution) or []
    except metadata.PackageNotFoundError:
        return []
    found = []
    for requirement in map(Requirement, lines):
        marker = requirement.marker
        is_of_extra = "extra" in str(marker or "")
        if is_of_extra != bool(extra) or (marker and not marker.evaluate({"extra": extra})):
            continue
        name = canonicalize_name(requirement.name)
        if name == DISTRIBUTION:  # an extra that holds other extras
            continue
        found.append(Package(name, str(requirement.specifier), _find_version(name)))
        for other in sorted(requirement.extras):
            found += list_packages(other, name)
    return found


def find_package(name: str) -> Package:
    """Returns a package that is wanted in any version."""
    return Package(name, "", _find_version(name))


def _find_version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None

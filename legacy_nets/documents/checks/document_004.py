"""Measurements for document 004, by topic: its plain nets, residual nets, transformers, errata."""

from legacy_nets.documents.checks.document_004_errata import *  # noqa: F403
from legacy_nets.documents.checks.document_004_plain import *  # noqa: F403
from legacy_nets.documents.checks.document_004_residual import *  # noqa: F403
from legacy_nets.documents.checks.document_004_vit import *  # noqa: F403

"""``google.protobuf.service``, which protobuf 6 removed, and other classes of protobuf 3."""

from __future__ import annotations

import importlib
from typing import Any


class Service:
    """The base of services in modules with ``py_generic_services``; their class has the methods."""

    DESCRIPTOR: Any = None


class RpcController:
    """The base of controllers of a call, which an RPC library implements."""


class RpcChannel:
    """The base of channels, which an RPC library implements."""


class RpcException(Exception):
    """The error of a call."""


class MessageFactory:
    """Makes message classes of descriptors."""

    def __init__(self, pool: Any = None) -> None:
        self.pool = pool or importlib.import_module("google.protobuf.descriptor_pool").Default()

    def GetPrototype(self, descriptor: Any) -> Any:
        """Returns the class of a message descriptor."""
        return get_prototype(self, descriptor)

    def GetMessages(self, files: list[str]) -> dict[str, Any]:
        """Returns the classes of all messages in files of the pool, by full name."""
        factory = importlib.import_module("google.protobuf.message_factory")
        return factory.GetMessageClassesForFiles(files, self.pool)


def get_prototype(self: object, descriptor: Any) -> Any:
    """Returns the class of a message descriptor."""
    return importlib.import_module("google.protobuf.message_factory").GetMessageClass(descriptor)

"""Addresses of tasks: whether one is free, and whether one answers. No TensorFlow."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence

from legacy_nets.errors import BadInputError

PROBE_SECONDS = 2.0  # for one connection


def split_address(address: str) -> tuple[str, int]:
    """Splits "host:port", where the host may be an IPv6 address in brackets."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def answers(address: str) -> bool:
    """Whether something listens at an address."""
    try:
        with socket.create_connection(split_address(address), timeout=PROBE_SECONDS):
            return True
    except OSError:
        return False


def check_port(address: str, name: str) -> None:
    """Raises BadInputError where the port of an address is in use on this machine.

    TensorFlow's server listens on every interface of its port, and would share it.
    """
    port = split_address(address)[1]
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
            probe.listen(1)
        except OSError as error:
            raise BadInputError(
                f"{name} cannot listen at {address} ({error.strerror}): end the process that has "
                f"port {port}, or give another port"
            ) from None


def wait_for(
    addresses: Sequence[str],
    label: str,
    seconds: float,
    report: Callable[[str], object],
) -> None:
    """Waits until all addresses answer; reports the first that does not.

    ``label``: of the job, "ps". Raises BadInputError where one does not answer in time.
    """
    started = time.monotonic()
    for index, address in enumerate(addresses):
        is_reported = False
        while not answers(address):
            waited = time.monotonic() - started
            if waited >= seconds:
                raise BadInputError(
                    f"no route to {label} {index} at {address}: waited {waited:.0f} seconds; start "
                    "it, or correct its address in TF_CONFIG"
                )
            if not is_reported:
                report(f"waiting for {label} {index} at {address} ({seconds:.0f} seconds at most)")
                is_reported = True
            time.sleep(min(0.5, seconds))


def find_free_ports(count: int) -> list[int]:
    """Finds ports on 127.0.0.1 that no process listens at."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()

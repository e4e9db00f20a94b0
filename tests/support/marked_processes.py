"""Processes that a test has started, found by a mark in their environment (Linux)."""

import contextlib
import ipaddress
import os
import struct
import time
from pathlib import Path

MARK = "LEGACY_NETS_TEST_MARK"  # the variable; processes hand it on to those that they start
LOOPBACK = {"127.0.0.1", "::1"}
_CONNECTED, _LISTENS = "01", "0A"  # states in /proc/net/tcp


def find_marked(mark):
    """Finds the running processes with a mark, except this one: number -> command."""
    found, wanted = {}, f"{MARK}={mark}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                found[int(folder.name)] = command
    found.pop(os.getpid(), None)
    return {number: command for number, command in found.items() if command}  # no zombies


def wait_for_end(mark, seconds=20):
    """Waits until no process with a mark runs; returns those that do nevertheless."""
    deadline = time.monotonic() + seconds
    while (found := find_marked(mark)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def list_addresses(processes, connected=False):
    """Lists the addresses at which processes accept TCP connections: {process: {address}}.

    ``connected``: those of the other ends of their connections.
    """
    inodes = {}
    for name in ("tcp", "tcp6"):
        for line in Path("/proc/net", name).read_text().splitlines()[1:]:
            local, remote, state, inode = (line.split()[column] for column in (1, 2, 3, 9))
            if state == (_CONNECTED if connected else _LISTENS):
                end = remote if connected else local
                inodes[f"socket:[{inode}]"] = _parse_address(end.partition(":")[0])
    addresses = {}
    for process in processes:
        for link in Path(f"/proc/{process}/fd").glob("*"):
            with contextlib.suppress(OSError):  # it has been closed
                if (target := os.readlink(link)) in inodes:
                    addresses.setdefault(process, set()).add(inodes[target])
    return addresses


def wait_for_connections(processes, seconds=60):
    """Waits until one of the processes has a TCP connection; returns the other ends as above."""
    deadline = time.monotonic() + seconds
    while not (found := list_addresses(processes, connected=True)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


def _parse_address(digits):
    """Parses an address of /proc/net: words of 32 bits, of this machine's order of bytes."""
    words = [int(digits[start : start + 8], 16) for start in range(0, len(digits), 8)]
    address = ipaddress.ip_address(struct.pack(f"={len(words)}I", *words))
    mapped = getattr(address, "ipv4_mapped", None)  # an IPv4 address of a socket for both
    return str(mapped or address)

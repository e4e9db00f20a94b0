"""Ports every model below a folder: finds them, ports each in a process, keeps a table."""

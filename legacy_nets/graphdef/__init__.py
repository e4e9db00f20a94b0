"""Graphs as files and as GraphDefs: loading, unsafe operations, node names, walking, editing."""

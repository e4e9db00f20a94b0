"""The nets, one family a file. ``legacy_nets.registry`` lists them."""

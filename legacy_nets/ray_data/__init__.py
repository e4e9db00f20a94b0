"""Ray Data (extra [ray]): a plain function on many items, on this machine or on a cluster."""

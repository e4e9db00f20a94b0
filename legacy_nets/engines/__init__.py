"""Fast inference: a frozen net, run by the engine that is fastest here."""

"""Independent oracles, written from the specification and never from the core's code."""

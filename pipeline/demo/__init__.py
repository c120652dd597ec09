"""The demonstration: real text that is already on the machine, made into the three sources of the shortest configuration."""

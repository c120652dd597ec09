"""Language detection: the model's opinion, and an independent second one."""

"""Gates: a stage's rows and metrics against its expectation suite, and the verdict pass, flag or block."""

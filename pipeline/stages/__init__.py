"""The eight stages: adapters of the domain packages to the stage contract."""

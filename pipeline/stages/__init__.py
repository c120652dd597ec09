"""The eight stages: adapters of the library to the contract in `pipeline.stage`."""

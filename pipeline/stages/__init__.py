"""The stages: adapters of the library to the contract of `pipeline.stage`."""

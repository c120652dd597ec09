"""The commands of `sluice`, by what they are about; `pipeline.cli` is the entrance."""

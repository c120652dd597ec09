"""The lake: what lies on disk, how it is committed, and the published corpus."""

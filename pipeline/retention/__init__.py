"""What may leave the lake, when, and how it leaves: `sluice gc`."""

"""What makes a text worth keeping: measures, published rules and a score."""

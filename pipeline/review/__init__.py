"""What the curators decide: review cases, bound to the digest of exactly what was seen."""

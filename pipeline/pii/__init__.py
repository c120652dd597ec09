"""Personal data: found behind screens, replaced by typed placeholders, looked for again by other means."""

"""Who is written about, and whose texts are lost on the way."""

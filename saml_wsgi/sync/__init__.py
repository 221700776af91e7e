"""Users synchronised from a source: read as a whole, compared, changed all at once or not at all."""

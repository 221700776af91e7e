"""Stage 1: text becomes typed settings, or a list of everything that is wrong with it."""

"""What a synchronisation writes to our tables, so that nobody sees half of it."""

"""Stage 5: a User becomes a browser session, kept on the server."""

"""``saml-wsgi users let-in``: a way in while the identity provider is down."""

from __future__ import annotations

import click

from saml_wsgi.cli.listing import visible
from saml_wsgi.cli.opening import INI, opened
from saml_wsgi.cli.people import by_username
from saml_wsgi.config.kinds import duration_text


@click.command("let-in", short_help="Print a one-time address for an emergency.")
@INI
@click.argument("username")
def let_in(ini: str, username: str) -> None:
    """Print an address that signs a user in once, without the identity provider.

    Only where the option emergency.sign_in is on. The address is as good as a password for ten minutes:
    give it to nobody but that person, and not by mail.
    """
    with opened(ini) as parts:
        from saml_wsgi.middleware.emergency import GOOD_FOR, LASTS

        if parts.emergency is None:
            raise click.ClickException(
                "emergency.sign_in = no: nobody is let in without the identity provider. "
                "Set it to yes and restart the application."
            )
        user = by_username(parts, username)
        if not user.active:
            raise click.ClickException(f"{visible(user.username)} is disabled: see `users enable`.")
        address = parts.emergency.issue(user.id)
    click.echo(address)
    click.echo(
        f"Signs in as {visible(user.username)}: once, within {duration_text(GOOD_FOR)}, "
        f"for {duration_text(LASTS)} at most.",
        err=True,
    )

"""``saml-wsgi metadata``: what to upload at JumpCloud."""

from __future__ import annotations

import click

from saml_wsgi.cli.inifile import load
from saml_wsgi.cli.report import refusing


@click.command()
@click.argument("ini", metavar="FILE[#section]")
def metadata(ini: str) -> None:
    """Print our SAML metadata, for upload at the identity provider.

    FILE is a PasteDeploy ini; #section names its filter section, where several use egg:saml_wsgi.
    """
    with refusing():
        section = load(ini)
        from saml_wsgi import examination

        document = examination.metadata(section.options, here=section.here, global_conf=section.global_conf)
    click.echo(document.rstrip(b"\n"))

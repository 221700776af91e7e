"""``saml-wsgi users``: who there is, and what an administrator does with them."""

from __future__ import annotations

import click

from saml_wsgi.cli.users.editing import add, change, delete
from saml_wsgi.cli.users.importing import import_
from saml_wsgi.cli.users.letting_in import let_in
from saml_wsgi.cli.users.purging import purge
from saml_wsgi.cli.users.showing import list_, show
from saml_wsgi.cli.users.states import disable, enable, unlink


class InOrder(click.Group):
    """Lists its commands in the order in which they were added."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(self.commands)


@click.group(cls=InOrder)
def users() -> None:
    """The users that directory.url (or the directory of your own) keeps.

    FILE is a PasteDeploy ini; #section names its filter section, where several use egg:saml_wsgi.
    Usernames are compared without letter case.
    """


for command in (list_, show, add, change, import_, delete, purge, disable, enable, unlink, let_in):
    users.add_command(command)

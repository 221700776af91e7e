"""The people of a source beside the users here, a page at a time: what is to be done is planned, not done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from saml_wsgi import names
from saml_wsgi.directories.arrival.standing import LocalPopulation
from saml_wsgi.directories.arrival.values import Kept
from saml_wsgi.interfaces import Member
from saml_wsgi.sync.decision import Decision, Here, Judge
from saml_wsgi.sync.refusal import SyncRefused
from saml_wsgi.sync.staging import Staging
from saml_wsgi.sync.tally import Tally

_SEVERAL: Final = "ambiguous: the source has several people with this username, or under this subject"
_TAKEN: Final = (
    "link_conflict: the username belongs to another person of the source, perhaps a former one; see saml-wsgi"
    " links, and delete the former user or its link"
)
#: By so many seconds at most; sign-ins don't work where it is more.
_CLOCKS_DIFFER: Final = 60


class Comparison:
    """One reading, compared.

    Args:
        local: What is here.
        judge: Knows the rules.
        staging: Keeps what is to be done.
        tally: Counts it.
        started: When the run began, in seconds since the epoch.
    """

    def __init__(
        self, local: LocalPopulation, judge: Judge, staging: Staging, tally: Tally, started: int
    ) -> None:
        self._local = local
        self._judge = judge
        self._staging = staging
        self._tally = tally
        self._started = started
        self._before = self._here = 0
        #: How many may be missing or not, so that the next run must look again.
        self.undecided = 0

    def count(self) -> None:
        """Before a complete reading: how many are to be read if nobody is missing, and who has no subject.

        Whose link is removed while people are read isn't one of these: they may have been read already.
        """
        self._before = self._linked()
        for page in self._local.strays(self._judge.keeper):
            self._staging.stray(page)

    def count_active(self) -> int:
        """How many active users the source keeps here."""
        return self._local.counts(self._judge.keeper).active

    def page(self, members: Sequence[Member]) -> None:
        """Compare a page."""
        people = self._first_time(members)
        kept = self._local.known(self._judge.keeper, people.keys())
        self._here += sum(map(self._judge.is_expected, kept.values()))
        judge, changed = self._judge, []
        for subject, (member, content) in people.items():
            digest = judge.digest(content)
            before = kept.get(subject)
            if before is None or not judge.is_as_before(before, digest):
                changed.append(judge.understand(member, digest))
        self._tally.effects["read"] += len(members)
        self._tally.effects["unchanged"] += len(people) - len(changed)
        if not changed:
            return
        wanted = {person.name: names.key(person.name) for person in changed if person.name}
        owners = self._local.by_username(judge.keeper, set(wanted.values()))
        whose = {}
        for person in changed:
            owner = owners.get(wanted.get(person.name, ""))
            user_id = judge.whose(kept.get(person.subject), owner)
            whose[person.subject] = (kept.get(person.subject), owner, user_id)
        self._staging.meet(owner.user_id for before, owner, _ in whose.values() if not before and owner)
        users = self._local.users({user_id for _, _, user_id in whose.values() if user_id is not None})
        decisions = []
        for person in changed:
            before, owner, user_id = whose[person.subject]
            user = users.get(user_id) if user_id is not None else None
            decisions.append(judge.decide(person, Here(before, owner, user)))
        self._keep(decisions)

    def find_missing(self) -> None:
        """After the last page of a complete reading: who is here and isn't there any more.

        Raises:
            SyncRefused: ``empty``; ``too_many_unusable``, if it is as good as that.
        """
        effects = self._tally.effects
        if not effects["read"]:
            raise SyncRefused("empty", "the source answered, and has nobody")
        if effects["unusable"] == effects["read"]:
            raise SyncRefused("too_many_unusable", f"nobody of {effects['read']} people can be understood")
        for stray in self._staging.strays():
            self._keep([self._judge.astray(stray)])
        # Asked twice: somebody who is deleted here meanwhile must not stand for somebody who is missing.
        if self._before == self._here == self._linked():
            return
        for page in self._local.subjects(self._judge.keeper):
            unseen = self._staging.unseen([subject for subject, _ in page])
            gone = [one for one in page if one[0] in unseen and self._judge.is_expected(one[1])]
            gone = [(subject, kept) for subject, kept in gone if not self._came_meanwhile(kept)]
            users = self._local.users({kept.user_id for _, kept in gone})
            decisions = []
            for subject, kept in gone:
                user = users.get(kept.user_id)
                decisions.append(self._judge.missing(subject, kept, user.username if user else subject))
            self._keep(decisions)

    def settle_names(self) -> None:
        """After the last page: who can't have a name, since several want it, or its owner keeps it."""
        for subject in self._staging.several():
            self._tally.effects["unusable"] += 1
            self._tally.tell(subject, _SEVERAL)
        self._tally.take_back(self._staging.drop_several())
        self._tally.take_back(self._staging.drop_ambiguous(), _SEVERAL)
        self._tally.take_back(self._staging.drop_taken(), _TAKEN)

    def _first_time(self, members: Sequence[Member]) -> dict[str, tuple[Member, bytes]]:
        """The page by subject, without whom was read before."""
        people: dict[str, tuple[Member, bytes]] = {}
        for member in members:
            subject, content = member.subject, member.digest
            if people.setdefault(subject, (member, content))[1] != content:
                self._staging.contest([subject])
        before = self._staging.see([(subject, content) for subject, (_, content) in people.items()])
        return {subject: person for subject, person in people.items() if subject not in before}

    def _linked(self) -> int:
        return self._local.counts(self._judge.keeper).linked

    def _keep(self, decisions: Sequence[Decision]) -> None:
        self._tally.add(decisions)
        self._staging.plan(decisions)

    def _came_meanwhile(self, kept: Kept) -> bool:
        """Whether somebody signed in for the first time after their page was read, so that nobody knows.

        That was dated by the clock of the host where they did, and clocks differ, or are put right meanwhile.
        """
        is_new = kept.updated >= self._started or kept.created > self._started - _CLOCKS_DIFFER
        late = is_new and not kept.digest
        self.undecided += late
        return late

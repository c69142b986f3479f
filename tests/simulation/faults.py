"""The kinds of faults there are, and which of them a seed has met."""

from collections import Counter

KINDS = {
    "crash.ingress": "ingress is killed before any of its steps",
    "crash.allocator": "the allocator is killed",
    "crash.projector": "the projector is killed",
    "crash.gateway": "the gateway is killed",
    "crash.clock": "the clock is killed",
    "crash.everything": "power loss: every process is killed at one instant",
    "freeze": "a process is stopped for a while and goes on (SIGSTOP, SIGCONT)",
    "gateway.expelled": "a gateway sleeps or hears nothing while others get its accounts",
    "gateway.lease_lost": "a gateway is refused a call, since another has taken the lease",
    "zombie": "a second allocator runs while the first is frozen, or beside it",
    "log.down": "the inbound log refuses or says nothing",
    "log.slow": "the inbound log takes its time",
    "log.unknown": "the inbound log takes messages, and its answer is lost",
    "log.repeats": "the inbound log hands out again what was taken in before",
    "database.down": "the database refuses or says nothing",
    "database.slow": "the database takes its time",
    "database.unknown": "the database commits, and its answer is lost",
    "spool.full": "the disk of the spool takes nothing",
    "hook.lost": "all webhooks about some leads get lost",
    "hook.duplicated": "a webhook is sent several times",
    "hook.delayed": "webhooks leave late and in another order",
    "hook.refused": "a webhook finds nobody who answers, and is repeated by Kommo's ladder",
    "hook.unanswered": "a webhook is kept, and its answer is lost, so that it comes again",
    "hook.switched_off": "Kommo switches the webhook off after too many bad answers",
    "kommo.429": "Kommo says that requests are too many",
    "kommo.blocked": "Kommo blocks our address: a plain 403 for everything",
    "kommo.stopped": "Kommo refuses the account: 401, 402 or 403",
    "kommo.5xx": "Kommo answers 5xx and has done nothing",
    "kommo.5xx_done": "Kommo answers 5xx and has done it",
    "kommo.unreachable": "no connection to Kommo, or none that carries a request",
    "kommo.unknown": "Kommo has done it, and the connection is cut or its answer comes too late",
    "kommo.refuses_lead": "one lead of a bulk is refused with a 400",
    "user.deactivated": "a user is deactivated, and perhaps activated again",
    "person.responsible": "a person gives a lead to somebody",
    "person.stage": "a person moves a lead to another stage",
    "person.closes": "a person closes a lead",
    "person.deletes": "a person deletes a lead",
    "person.restores": "a person takes a lead out of the bin",
    "person.takes": "a manager takes a lead that they were offered",
    "person.passes_on": "a manager passes on a lead that they were offered",
    "person.task": "somebody is given a task",
    "person.card": "a contact or a company is given to somebody",
    "person.undoes": "an administrator puts back what followed a lead",
    "same_second": "several changes of a lead within a second",
    "bulk": "many leads change together",
    "backlog": "more leads wait for Kommo than several requests take",
    "rules.edited": "new rules or schedules while leads wait and pushes are under way",
    "pause": "a manager is paused or resumed",
    "command.repeated": "a command comes again under its key, at once or days later",
    "clock.skew": "the clocks of the machines and of Kommo differ by up to two seconds",
    "clock.jump": "the clock of a machine is set forward or back",
    "dst.night": "the zone's clocks change while it goes on",
}


class Faults:
    """Counts what really happened; a fault that found nothing to hit does not count."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def note(self, kind: str) -> None:
        """Count one."""
        assert kind in KINDS, f"{kind} is no kind of fault"
        self.counts[kind] += 1

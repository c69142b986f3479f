"""A proof in words: what it is about, the sums, what it comes to and what stands behind it."""

from collections.abc import Callable

from contracts.sentences import Sentence, sentence
from services.application.proof.day import Proof

SHOWN_MAX = 50  # more ids than that nobody reads

Say = Callable[[Sentence], str]


def head_of(proof: Proof, name: str) -> Sentence:
    """What it is about, and as of when."""
    day = proof.day.isoformat()
    if proof.is_over:
        return sentence("proof.head", day=day, name=name, at=proof.made_at)
    return sentence("proof.head_so_far", day=day, name=name, at=proof.made_at)


def rows_of(proof: Proof, text: Say) -> list[tuple[str, str]]:
    """The sums: three that make the whole, with the reasons of the third."""
    closed = [
        (text(sentence("proof.closed_for", why=sentence(f"explain.closed_for.{reason}"))), count)
        for reason, count in proof.closed.items()
    ]
    lines = [
        (text(sentence("proof.assigned")), proof.assigned),
        (text(sentence("proof.waiting")), proof.waiting),
        (text(sentence("proof.closed")), sum(proof.closed.values())),
        *closed,
        (text(sentence("proof.undecided")), len(proof.undecided)),
        (text(sentence("proof.requests")), proof.requests),
    ]
    return [(name, str(count)) for name, count in lines]


def lines_of(proof: Proof, text: Say) -> list[str]:
    """What it comes to, and what stands behind it."""
    lines = [verdict_of(proof)]
    if proof.undecided:
        lines.append(sentence("proof.undecided_are", requests=proof.undecided[:SHOWN_MAX]))
    if (kommo := proof.kommo) is not None:
        lines.append(sentence("proof.compared", count=kommo.leads, inside=kommo.in_stages))
        if kommo.orphans:
            count, leads = len(kommo.orphans), kommo.orphans[:SHOWN_MAX]
            lines.append(sentence("proof.orphans", count=count, leads=leads))
        else:
            lines.append(sentence("proof.no_orphans"))
        if kommo.fresh:
            lines.append(sentence("proof.fresh", count=kommo.fresh))
        if kommo.unreadable:
            lines.append(sentence("proof.unreadable", count=kommo.unreadable))
    elif proof.why_not_compared is not None:
        lines.append(sentence("proof.not_compared", why=proof.why_not_compared))
    if swept := proof.sources.get("sweep"):
        lines.append(sentence("proof.swept", count=swept))
    if proof.link:
        lines.append(sentence("proof.signed", version=proof.version, link=proof.link))
    else:
        lines.append(sentence("proof.unsigned", version=proof.version))
    return [text(each) for each in lines]


def verdict_of(proof: Proof) -> Sentence:
    """What it comes to, in a sentence."""
    if not proof.is_kept:
        return sentence("proof.broken")
    return sentence("proof.kept") if proof.kommo is not None else sentence("proof.kept_alone")


def title_of(proof: Proof) -> Sentence:
    """No more than is proven: only Kommo's own list shows that nothing was lost on the way here."""
    if not proof.is_kept:
        return sentence("proof.title_broken")
    return sentence("proof.title") if proof.kommo is not None else sentence("proof.title_alone")

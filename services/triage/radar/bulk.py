"""A text -> whether it is a newsletter or an offer that a mailbox passed on. Pure.

Such a mail reaches many clients at once without anything being wrong: the one burst of the same words that is no
incident. Two marks of it are needed; a text that tells of trouble counts as bulk only with a way to unsubscribe.
"""

from __future__ import annotations

import re
from typing import Final

MARKS: Final = re.compile(
    r"""(?P<leave>\bunsubscrib\w*|\babmelde\w*|\bd[ée]sabonn\w*|\bdisiscri\w*|\bdarse\ de\ baja\b)
      | (?P<browser>\bview\b[\w\s]{0,16}\bbrowser\b|\bim\ browser\ (?:ansehen|anzeigen)\b)
      | (?P<letter>\bnewsletter\w*|\bwebinar\w*|\bpromo(?:tion\w*)?\b|\bsponsored\b|\bmarketing\b)
      | (?P<price>\b\d{1,2}\ ?%\ (?:off|discount|rabatt)\b|\bsave\b[\w\s]{0,10}\d{1,2}\ ?%|\bspecial\ offer\w*
          |\blimited[\ -]time\b|\bthis\ week\ only\b|\bdiscount\w*|\bcoupon\w*|\bvoucher\w*|\brabatt\w*)""",
    re.VERBOSE | re.IGNORECASE,
)
TROUBLE: Final = re.compile(
    r"""\b(?:error|fail\w*|broken|crash\w*|down|outage|can(?:'t|not)|could(?:n't|\ not)|does(?:n't|\ not)|won't|unable
        |not\ work\w*|wrong|problem\w*|issue\w*|fehler\w*|geht\ nicht|defekt\w*|problème|errore|guast\w*)\b""",
    re.VERBOSE | re.IGNORECASE,
)
HINTS: Final = (
    *("unsubscrib", "abmelde", "sabonn", "disiscri", "baja", "browser", "newsletter", "webinar", "promo", "sponsored"),
    *("marketing", "%", "offer", "limited", "week", "discount", "coupon", "voucher", "rabatt"),
)
"""Every mark has one of these in it; most texts have none, and are spared the looking."""
HEAD: Final = 6_000  # characters
FOOT: Final = 2_000  # characters; the way to unsubscribe stands at the end


def is_bulk(subject: str, body: str) -> bool:
    """Whether a mail was sent to many alike, by plain text."""
    if len(body) > HEAD + FOOT:
        body = f"{body[:HEAD]}\n{body[-FOOT:]}"
    text = f"{subject[:HEAD]}\n{body}"
    folded = text.casefold()
    if not any(hint in folded for hint in HINTS):
        return False
    marks = {match.lastgroup for match in MARKS.finditer(text)}
    if len(marks) < 2:
        return False
    return "leave" in marks or TROUBLE.search(text) is None

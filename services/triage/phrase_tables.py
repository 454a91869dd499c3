"""The phrases that speak of urgency or confusion, by kind, with points: data. Pure.

A small table in five languages. Text is weak evidence beside context, so all phrases together bring few points
(`priority.WORDS_MAX`), and a kind counts once, however often it is said.
"""

from __future__ import annotations

from typing import Final

TIME = r"\d{1,2}(?:[:.]\d\d)? ?(?:am|pm|uhr|h|o'clock)?"
DAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
TAG = r"(?:montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag)"

# A language a paragraph, phrases parted by semicolons. Each begins with plain letters: by them it is looked up.
OUTAGE: Final = rf"""
nobody can;no one can;none of us;all of us;everyone (?:is|has|gets);outage;is down;are down;went down;completely down
whole (?:office|company|site|team|floor);entire (?:office|company|site|team|floor);stands? still;standing still
can't work;cannot work;can hardly work;production (?:is|has) stopped;since {DAY}
niemand kann;alle (?:kollegen|mitarbeiter);ganze[rns]? (?:firma|büro|abteilung|standort);ausfall;steht still
stehen still;gesamte[rns]? (?:firma|büro|abteilung|standort);nichts geht mehr;seit {TAG}
personne ne peut;toute l'équipe;en panne;plus rien ne (?:marche|fonctionne)
nessuno (?:può|riesce);tutto (?:è )?(?:fermo|bloccato);tutti i colleghi
nadie puede;todo (?:está )?(?:parado|bloqueado);toda la oficina
"""
SECURITY: Final = r"""
phish\w*;hacked;security breach;data breach;breached;malware;ransomware;virus;compromised;stolen;signed in as me
unauthori[sz]ed (?:access|login|sign-in)
gehackt;datenleck;sicherheitsvorfall;gestohlen;schadsoftware
piraté\w*;hameçonnage;volé\w*
hackerat\w+;rubat\w+;violazione dei dati
hackead\w+;robad\w+;suplantación
"""
DATA_LOSS: Final = r"""
data loss;lost (?:all |my |our |the )*(?:data|files|work|entries|records);overwritten;corrupt(?:ed)?
losing (?:all |my |our |the )*(?:data|files|work|entries|records);deleted by (?:mistake|accident)
lose (?:all |my |our |the )*(?:data|files|work|entries|records);files (?:are|is) gone;data (?:are|is) gone
records (?:are|is) gone
datenverlust;daten (?:sind )?(?:weg|verloren);versehentlich gelöscht;überschrieben
pertes? de données;données perdues;effacé\w* par erreur
perdita di dati;dati persi;cancellat\w+ per errore
pérdida de datos;datos perdidos;borrad\w+ por error
"""
DEADLINE: Final = rf"""
deadline;by (?:{TIME}|noon|tonight|tomorrow|{DAY}|the end of (?:the )?(?:day|week|month));board meet\w*
before (?:{TIME}|noon|tonight|tomorrow|{DAY}|the end of (?:the )?(?:day|week|month));customers? (?:are|is) waiting
until (?:{TIME}|noon|tonight|tomorrow|{DAY}|the end of (?:the )?(?:day|week|month));due (?:today|tomorrow|on {DAY})
bis (?:{TIME}|heute|morgen|{TAG});frist;stichtag
avant (?:{TIME}|midi|demain|ce soir);échéance
entro (?:le \d+|domani|oggi|stasera);scadenza
antes de (?:las \d+|mañana|hoy);fecha límite;el corte es
"""
FAILURE: Final = r"""
crash\w*;hangs?;hung;freez\w+;frozen;fatal;fails?;failed;failing;failures?;broken;not work(?:ing)?;doesn't work
does not work;stopped working;stops working;exceptions?;stack ?trace;unable to;no longer (?:works|starts|opens)
stürzt ab;abgestürzt;absturz;fehlermeldung\w*;fehler beim;funktioniert nicht;geht nicht;lässt sich nicht;defekt\w*
ne (?:marche|fonctionne) (?:pas|plus);plante
non funziona;si blocca;guast\w+
no funciona;se bloquea;fall[oó]
"""
URGENT: Final = r"""
urgent\w*;asap;as soon as possible;immediately;right away;emergency;with priority
dringend\w*;sofort;umgehend;eilig
urgence;immédiatement;au plus vite
urgen(?:te|za|cia);subito;al più presto
cuanto antes;inmediatamente
"""
CONFUSION: Final = r"""
confus(?:ed|ing);unclear;do not (?:really )?(?:understand|see how);don't (?:really )?(?:understand|see how)
didn't (?:really )?(?:understand|see how);can't (?:really )?(?:understand|see how)
cannot (?:really )?(?:understand|see how);no idea;what (?:does|do|did) [^\n]{1,40}? mean;makes? no sense
doesn't make sense;puzzled;lost here;not sure (?:how|what|why|if);how on earth;how am i supposed
which one (?:should|do);which of them (?:should|do)
"""
"""Confusion, as it is said in so many words: heard as a tone, where nothing else is."""
CONFUSED: Final = "confused"

NOT: Final = frozenset(
    {"not", "no", "never", "without", "isn't", "aren't", "nicht", "kein", "keine", "keinen", "ohne"}
    | {"pas", "sans", "non", "senza", "sin", "nunca", "n'est"}
)


KINDS: Final = (
    ("outage", 15, OUTAGE),
    ("security", 15, SECURITY),
    ("data_loss", 15, DATA_LOSS),
    ("deadline", 10, DEADLINE),
    ("failure", 10, FAILURE),
    ("urgent", 5, URGENT),
)
"""Code, points and phrases of each kind, in the order in which points are given, up to what words may bring."""

"""Templates, slots and a random source enter, sentences leave. Pure.

A template names its slots as $word or ${word}; a slot's value may name further slots. A text whose slots are not all
known is never chosen, so general phrases may use what only some topics have, such as $code.
"""

from __future__ import annotations

import re
from calendar import month_name
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from contracts.terms import Channel, Tone
from services.demo.bank import Bank, Phrases, Topic
from services.demo.cast import Client, Requester

SLOT = re.compile(r"\$\{?([a-z][a-z0-9_]*)\}?")
DEPTH_MAX = 4  # slots within slots: $since -> $time is two
MIDDAY, EVENING = 12, 18  # o'clock

Slots = Mapping[str, str]


def fill(template: str, slots: Slots) -> str:
    """The template as a sentence: slots replaced, the first letter a capital. Raises KeyError for an unknown slot."""
    text = expand(template, slots)
    return text[:1].upper() + text[1:]


def expand(template: str, slots: Slots) -> str:
    text = template
    for _ in range(DEPTH_MAX):
        if "$" not in text:
            break
        text = SLOT.sub(lambda found: slots[found[1]], text)
    return text


def fits(template: str, slots: Slots) -> bool:
    return all(name in slots for name in SLOT.findall(template))


@dataclass(frozen=True)
class Voice:
    """One conversation's language, slots and random source."""

    phrases: Phrases
    zone: ZoneInfo
    chance: Random
    slots: Slots

    def say(self, texts: Sequence[str], **more: str) -> str:
        """One of the texts, filled. `more` adds slots, itself filled first."""
        voice = self.knowing(**{name: expand(text, self.slots) for name, text in more.items()})
        return fill(voice.pick(texts), voice.slots)

    def pick(self, texts: Sequence[str]) -> str:
        """One of the texts whose slots are all known, not filled yet."""
        return self.chance.choice([text for text in texts if fits(text, self.slots)])

    def at(self, instant: datetime) -> Voice:
        """The same voice at another time of day."""
        return self.knowing(**time_slots(self.phrases, instant.astimezone(self.zone), self.chance))

    def knowing(self, **more: str) -> Voice:
        """The same voice with further slots."""
        return Voice(self.phrases, self.zone, self.chance, {**self.slots, **more})

    def clock(self, instant: datetime) -> str:
        return instant.astimezone(self.zone).strftime(self.phrases.clock)

    def moment(self, instant: datetime) -> str:
        """An instant as the reader would name it: weekday and time of their zone."""
        day = self.phrases.days[instant.astimezone(self.zone).weekday()]
        return expand(self.phrases.when, {"day": day, "clock": self.clock(instant)})

    def letter(self, instant: datetime, *paragraphs: str, agent: str) -> str:
        """A public answer: address, paragraphs, signature."""
        part = self.phrases.parts_of_day[part_of_day(instant.astimezone(self.zone))]
        hello = self.knowing(partofday=part).say(self.phrases.hello)
        return "\n\n".join([hello, *filter(None, paragraphs), self.say(self.phrases.sign, agent=agent)])


def voice_of(bank: Bank, client: Client, who: Requester, topic_slots: Slots, at: datetime, chance: Random) -> Voice:
    """The voice of one ticket, its places, names and numbers drawn once."""
    spec, others = client.spec, [other for other in client.requesters if other is not who]
    one, two = chance.sample(others, 2)
    apps = [app for app in spec.apps if who.language == "en" or not app.startswith("the ")]
    slots = {
        "me": who.name,
        "client": spec.name,
        "team": who.team,
        "device": who.device,
        "tag": who.tag,
        "colleague": one.name,
        "colleague2": two.name,
        "app": chance.choice(apps),
        "host": chance.choice(spec.hosts),
        "site": chance.choice(spec.sites),
        "n": str(chance.randrange(3, 46)),
        "ref": f"{chance.randrange(16**8):08x}",
        "case": f"{chance.randrange(10**6, 10**7)}",
        **topic_slots,
    }
    return Voice(bank.phrases[who.language], client.zone, chance, slots).at(at)


def topic_slots(topic: Topic, chance: Random) -> dict[str, str]:
    return {name: chance.choice(values) for name, values in topic.slots.items()}


def time_slots(phrases: Phrases, local: datetime, chance: Random) -> dict[str, str]:
    """What a text may say about time, as seen at this local instant."""
    ago = local - timedelta(minutes=5 * chance.randrange(2, 20))
    ahead = local + timedelta(minutes=30 * chance.randrange(3, 10))
    part = part_of_day(local)
    rounded = ago - timedelta(minutes=ago.minute % 5)
    return {
        "time": rounded.strftime(phrases.clock),
        "later": (ahead - timedelta(minutes=ahead.minute % 30)).strftime(phrases.clock),
        "since": chance.choice(phrases.since),
        "daypart": phrases.dayparts[part],
        "partofday": phrases.parts_of_day[part],
        "month": month_name[local.month].lower(),
        "week": f"{local.isocalendar().week:02d}",
        "year": f"{local.year}",
        "yy": f"{local:%y}",
        "nextyear": f"{local.year + 1}",
    }


def part_of_day(local: datetime) -> int:
    """0 in the morning, 1 in the afternoon, 2 in the evening."""
    return 0 if local.hour < MIDDAY else 1 if local.hour < EVENING else 2


MOODS = {
    Tone.NEUTRAL: 54,
    Tone.FRUSTRATED: 16,
    Tone.URGENT: 12,
    Tone.CONFUSED: 10,
    Tone.ANGRY: 5,
    Tone.SATISFIED: 3,
}
"""How people feel who write to a desk, of a hundred: mostly calm."""


def compose(voice: Voice, topic: Topic, mood: Tone, channel: Channel) -> tuple[str, str]:
    """Subject and body of a new ticket."""
    phrases, chance = voice.phrases, voice.chance
    around = phrases.moods[mood]
    opening = voice.say(topic.openings)
    details = [fill(text, voice.slots) for text in chance.sample(topic.details, chance.choice((1, 2, 2, 3)))]
    matter = [
        _join(voice.say(around.before), opening),
        _join(*details),
        _join(voice.say(topic.impacts), voice.say(around.after)),
    ]
    if channel is not Channel.PHONE:
        matter = [voice.say(phrases.greetings), *matter, voice.say(phrases.byes)]
    return voice.say(topic.subjects), "\n\n".join(matter)


def _join(*sentences: str) -> str:
    return " ".join(filter(None, sentences))

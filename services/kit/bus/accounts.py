"""Who may say and hear what on the bus: keys and subscribers enter, NATS' own configuration of them leaves. Pure.

One user a service, in the one account that has JetStream; one account a subscriber, which sees nothing but the durable
of its own stream. An inbox is its user's alone. A JetStream consumer asks nobody's rights to subscribe: whoever may
make one may read everything, so a service may make its own and no other.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, get_args
from uuid import UUID

from contracts.subjects import ALL, POKES, STREAM
from services.kit.bus.nkey import Nkey

if TYPE_CHECKING:
    from services.kit.settings import Settings

BusUser = Literal["owner", "relay", "intake", "triage", "notification", "reporting", "system"]
USERS: Final[tuple[BusUser, ...]] = get_args(BusUser)

ACCOUNT: Final = "DAYBOOK"
SYSTEM: Final = "SYS"
SUBSCRIBER: Final = "SUB_"  # and the token: a subscriber's account
DOMAIN: Final = "daybook"
"""Subscribers ask at $JS.daybook.API: at $JS.API their own account, which has no JetStream, would answer first."""

DURABLE: Final = "reader"  # of a subscriber's stream
FEEDS: Final = "feed"
POKE: Final = POKES
SIGNAL: Final = "poke.reporting.*"
CENSUS: Final = "census.daybook"
API: Final = "$JS.API."

CONNECTIONS_MAX = 4  # of one subscriber: its program, the next version of it, and a person who looks
SUBSCRIPTIONS_MAX = 100
ONE_ANSWER: Final = {"max": 1, "expires": "1s"}  # whoever asks names the subject, which may be any
PAYLOAD_MAX = 65_536  # bytes of what a subscriber says: requests and acknowledgements


class Subscriber(NamedTuple):
    """A program outside that reads one client's events: its token's id, and its public key."""

    token: UUID
    key: str

    @property
    def stream(self) -> str:
        return feed_stream(self.token)


class Rights(NamedTuple):
    """Subjects that a user may publish to and subscribe to, besides its own inbox."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...] = ()
    answers: bool = False
    """Whether it may answer a question that was put to it, once."""


def feed_stream(token: UUID) -> str:
    """The stream of one subscriber."""
    return f"FEED_{token.hex}"


def feed_subjects(token: UUID) -> str:
    """Everything of one subscriber's stream."""
    return f"{FEEDS}.{token.hex}.>"


def inbox_of(user: str) -> str:
    """The prefix of a user's inboxes."""
    return f"_INBOX_{user}"


def key_of(settings: Settings, user: BusUser) -> Nkey:
    """A service's key, derived from the secret of the database roles, so that it need not be handed around."""
    secret = settings.role_secret.get_secret_value().encode()
    return Nkey(hmac.digest(secret, f"nats:{user}".encode(), "sha256"))


def _consumer(name: str, *more: str) -> Rights:
    """A service with a durable of its own, which answers when it is counted."""
    durable = f"{STREAM}.{name}"
    return Rights(
        (
            f"{API}CONSUMER.INFO.{durable}", f"{API}CONSUMER.DURABLE.CREATE.{durable}",
            f"{API}CONSUMER.DELETE.{durable}", f"{API}CONSUMER.MSG.NEXT.{durable}", f"$JS.ACK.{durable}.>", *more,
        ),
        (CENSUS,),
        answers=True,
    )  # fmt: skip


RELAY = (
    "STREAM.INFO.*", "STREAM.CREATE.*", "STREAM.UPDATE.*", "STREAM.DELETE.*", "STREAM.PURGE.*", "STREAM.MSG.GET.*",
    "STREAM.NAMES", "CONSUMER.INFO.*.*", "CONSUMER.DURABLE.CREATE.*.*",
)  # fmt: skip

RIGHTS: Final[Mapping[BusUser, Rights]] = {
    "owner": Rights((f"{API}>",)),
    "relay": Rights((ALL, f"{FEEDS}.>", *(API + subject for subject in RELAY)), (POKE, CENSUS), answers=True),
    "intake": Rights((POKE,)),
    "triage": _consumer("triage", POKE),
    "notification": _consumer("notification", POKE)._replace(subscribe=(CENSUS, POKE)),
    "reporting": _consumer("reporting", SIGNAL, CENSUS)._replace(subscribe=(CENSUS, POKE, SIGNAL)),
    "system": Rights(("$SYS.REQ.SERVER.PING", "$SYS.REQ.SERVER.*.RELOAD")),
}


def accounts_text(keys: Mapping[BusUser, str], subscribers: Iterable[Subscriber] = ()) -> str:
    """The part of a NATS server's configuration that says who may do what. It holds public keys and no secret."""
    services = [_user(keys[name], name, RIGHTS[name]) for name in USERS if name != "system"]
    accounts: dict[str, Any] = {
        ACCOUNT: {
            "jetstream": "enabled",
            "users": services,
            # Open to every account of this file, and only those of subscribers import it, each its own: an account that
            # is already there need not change for a new one.
            "exports": [
                {"service": _asked("CONSUMER.INFO", "*")},
                {"service": _asked("CONSUMER.MSG.NEXT", "*"), "response_type": "stream"},
                {"service": _acknowledged("*")},
            ],
        },
        SYSTEM: {"users": [_user(keys["system"], "system", RIGHTS["system"])]},
    }
    for subscriber in sorted(subscribers):
        accounts[f"{SUBSCRIBER}{subscriber.token.hex}"] = _of_subscriber(subscriber)
    return f'"accounts": {json.dumps(accounts, indent=1)}\n"system_account": "{SYSTEM}"\n'


def subscribers_in(text: str, keys: Mapping[BusUser, str]) -> list[Subscriber]:
    """The subscribers whom an `accounts_text` names; none where its services have other keys or it is no such text."""
    try:
        accounts = json.loads(text.removeprefix('"accounts": ').rpartition('"system_account"')[0])
        services = [user["nkey"] for name in (ACCOUNT, SYSTEM) for user in accounts[name]["users"]]
        if set(services) != set(keys.values()):
            return []
        return [
            Subscriber(UUID(name.removeprefix(SUBSCRIBER)), account["users"][0]["nkey"])
            for name, account in accounts.items()
            if name.startswith(SUBSCRIBER)
        ]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        return []


def _user(key: str, name: str, rights: Rights) -> dict[str, Any]:
    permissions: dict[str, Any] = {
        "publish": list(rights.publish),
        "subscribe": [f"{inbox_of(name)}.>", *rights.subscribe],
    }
    if rights.answers:
        permissions["allow_responses"] = ONE_ANSWER
    return {"nkey": key, "permissions": permissions}


def _of_subscriber(subscriber: Subscriber) -> dict[str, Any]:
    info, following, acknowledging = (
        _asked("CONSUMER.INFO", subscriber.stream),
        _asked("CONSUMER.MSG.NEXT", subscriber.stream),
        _acknowledged(subscriber.stream),
    )
    imported = {
        info: info.replace(API, f"$JS.{DOMAIN}.API."),
        following: following.replace(API, f"$JS.{DOMAIN}.API."),
        acknowledging: acknowledging,
    }
    return {
        "limits": {
            "max_connections": CONNECTIONS_MAX, "max_subscriptions": SUBSCRIPTIONS_MAX, "max_payload": PAYLOAD_MAX,
        },
        "imports": [
            {"service": {"account": ACCOUNT, "subject": theirs}, "to": own} for theirs, own in imported.items()
        ],
        "users": [
            {
                "nkey": subscriber.key,
                "permissions": {"publish": list(imported.values()), "subscribe": ["_INBOX.>"]},
            }
        ],
    }  # fmt: skip


def _asked(what: str, stream: str) -> str:
    return f"{API}{what}.{stream}.{DURABLE}"


def _acknowledged(stream: str) -> str:
    return f"$JS.ACK.{stream}.{DURABLE}.>"

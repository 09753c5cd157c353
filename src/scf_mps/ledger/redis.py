"""A ledger in Redis, for whoever has one: one round trip for each call, and events that expire by themselves.

Whatever has to be decided is decided by a script inside the server, by the server's clock. Each script may run twice
without harm, as the answer to the first may be lost: a claim is known again by its nonce, and everything else says
the same the second time. It needs the ``redis`` package (``pip install 'scf-mps[redis]'``), loaded when it is used.
"""

from __future__ import annotations

import json
import os
from math import log2
from time import sleep, time

from ..errors import EventHeld, LedgerError
from .base import PATIENCE, Claim, Entry, Ledger, Record, digest, patience

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from typing import Any, TypeVar

    from ..events.result import Event

    T = TypeVar("T")

_WAITS = (0.05, 0.1)
"""Seconds after which what was not answered is sent again."""
_BATCH = 200
_RECORD = b"record "

# What is known of an event (a hash), its notification, the events by the time they came, those of its task (if it has
# one). The braces in the names keep them in one slot of a cluster.
_COMMON = """
local event, notification, index, task = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local function now()
  local told = redis.call('TIME')
  return told[1] * 1000 + math.floor(told[2] / 1000)
end
local function keep(seconds)
  redis.call('EXPIRE', event, seconds)
  redis.call('EXPIRE', notification, seconds)
  if task then redis.call('EXPIRE', task, seconds) end
end
"""

# A record's text begins with whether it ended and its delivery: of two the greater stays (`Record.replaces`).
_WRITE = (
    _COMMON
    + """
local seconds, delivery, complete = ARGV[1], ARGV[2], ARGV[3]
local current = redis.call('HGET', event, 'delivery')
if not current then return 0 end
local function rank(text)
  local ended, number = string.match(text, '^(%d) (%d+) ')
  return tonumber(ended), tonumber(number)
end
for i = 4, #ARGV, 2 do
  local ended, number = rank(ARGV[i + 1])
  local old = redis.call('HGET', event, ARGV[i])
  local old_ended, old_number = 0, 0
  if old then old_ended, old_number = rank(old) end
  local overtaken = ended == 0 and current ~= delivery
  if not overtaken and (ended > old_ended or (ended == old_ended and number >= old_number)) then
    redis.call('HSET', event, ARGV[i], ARGV[i + 1])
  end
end
if complete ~= '' and current == delivery then
  redis.call('HSET', event, 'until', 0, 'complete', complete)
end
keep(seconds)
return 1
"""
)

_CLAIM = (
    _COMMON
    + """
local seconds, digest, milliseconds, nonce, owner = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local told, received, expired, raw = ARGV[6], ARGV[7], ARGV[8], ARGV[9]
local at = now()
local known = redis.call('HMGET', event, 'until', 'complete', 'nonce', 'owner')
if not known[1] then
  redis.call('HSET', event, 'told', told, 'delivery', 1)
  redis.call('SET', notification, raw)
  redis.call('ZADD', index, received, digest)
  if task then redis.call('SADD', task, digest) end
  for _, old in ipairs(redis.call('ZRANGEBYSCORE', index, '-inf', expired, 'LIMIT', 0, 10)) do
    if redis.call('EXISTS', string.sub(event, 1, -33) .. old) == 0 then
      redis.call('ZREM', index, old)
    end
  end
elseif known[3] ~= nonce then
  local left = known[1] - at
  if left > 0 or known[2] == '1' then
    local over = true
    for i = 10, #ARGV do
      local again, name = string.match(ARGV[i], '^(%d)(.*)$')
      local record = redis.call('HGET', event, name)
      over = over and again == '0' and record and string.sub(record, 1, 1) == '1'
    end
    if over then return {'over', redis.call('HGETALL', event)} end
  end
  if left > 0 then return {'held', left, known[4]} end
  redis.call('HINCRBY', event, 'delivery', 1)
end
redis.call('HSET', event, 'until', string.format('%d', at + milliseconds),
  'nonce', nonce, 'owner', owner, 'complete', 0)
keep(seconds)
return {'claimed', redis.call('HGETALL', event)}
"""
)

_PURGE = (
    _COMMON
    + """
local till = redis.call('HGET', event, 'until')
if till and till - now() > 0 then return 0 end
redis.call('ZREM', index, ARGV[1])
if task then redis.call('SREM', task, ARGV[1]) end
redis.call('DEL', notification)
return redis.call('DEL', event)
"""
)


class RedisLedger(Ledger):
    """See `Ledger`. Events expire when nothing was written of them for `keep` seconds.

    Redis must not evict keys that have not expired: ``maxmemory-policy noeviction``.

    Args:
        url: ``redis://[[user]:password@]host[:port][/db]``, or ``rediss://`` for TLS.
        prefix: what the names of all keys begin with, in braces.
        keep: seconds for which events are kept.

    Raises:
        LedgerError: the ``redis`` package is not there.
    """

    def __init__(self, url: str, prefix: str = "mps", keep: float = 30 * 86400.0) -> None:
        from importlib.util import find_spec

        if find_spec("redis") is None:
            raise LedgerError(
                "a ledger in Redis needs the redis package, which is not installed: pip install 'scf-mps[redis]'"
            )
        self._url = url
        self._names = f"{{{prefix}}}:"
        self.keep = keep
        self._servers: dict[float, _Server] = {}

    def claim(
        self,
        event: Event,
        calls: Collection[str],
        seconds: float,
        *,
        again: Collection[str] = (),
        owner: str = "",
    ) -> Claim:
        from ..redaction import redacted

        key, received = event.key, time()
        told = {
            "key": key,
            "type": event.type,
            "task_id": event.task_id,
            "status": event.status,
            "received": received,
        }
        answer, *rest = self._run(
            _CLAIM,
            self._keys(digest(key), event.task_id),
            digest(key),
            int(seconds * 1000),
            os.urandom(8).hex(),
            owner,
            json.dumps(told),
            repr(received),
            repr(received - self.keep),
            json.dumps(redacted(event.raw)),
            *(b"%d%s" % (call in again, _field(call)) for call in calls),
            seconds=patience(seconds),
        )
        if answer == b"held":
            left, holder = rest
            holder = holder.decode() or "(unknown)"
            raise EventHeld(f"{key} is held by request {holder}", left / 1000)
        flat = rest[0]
        known = _Known(self._event(digest(key)), dict(zip(flat[::2], flat[1::2], strict=True)))
        if known.key != key:
            raise _foreign(self._event(digest(key)))
        ended = {record.key: record for record in known.records if record.ended}
        held = answer == b"claimed"
        return Claim(key, known.delivery, ended, held, event.task_id if held else None)

    def record(self, claim: Claim, record: Record) -> None:
        assert record.ended, "what did not end is told when the event is let go of"
        self._write(claim, [record], "")

    def close(self, claim: Claim, records: Sequence[Record], complete: bool) -> None:
        self._write(claim, records, str(int(complete)))

    def find(self, key: str) -> Entry | None:
        name = digest(key)
        (entry,) = self._entries([name])
        if entry is None or entry.key != key:
            return None
        raw = self._ask(lambda redis: redis.get(self._names + "raw:" + name))
        if raw is not None:
            entry.notification = _understood(self._names + "raw:" + name, raw)
        return entry

    def entries(self, task_id: str = "", since: float = 0.0) -> Iterator[Entry]:
        where = self._task(task_id) if task_id else self._index
        members = self._ask(
            lambda redis: (
                list(redis.smembers(where))
                if task_id
                else redis.zrangebyscore(where, repr(since), "+inf")
            )
        )
        for _, entry in self._all(members):
            if entry is not None and entry.received >= since:
                yield entry

    def purge(self, before: float) -> int:
        members = self._ask(lambda redis: redis.zrangebyscore(self._index, "-inf", f"({before!r}"))
        return sum(
            self._run(_PURGE, self._keys(name, entry.task_id if entry else ""), name)
            for name, entry in self._all(members)
        )

    @property
    def _index(self) -> str:
        return self._names + "index"

    def _event(self, name: str) -> str:
        return self._names + "event:" + name

    def _task(self, task_id: str) -> str:
        return self._names + "task:" + digest(task_id)

    def _keys(self, name: str, task_id: str) -> list[str]:
        keys = [self._event(name), self._names + "raw:" + name, self._index]
        return [*keys, self._task(task_id)] if task_id else keys

    def _write(self, claim: Claim, records: Sequence[Record], complete: str) -> None:
        assert claim.held, "a claim that holds nothing has nothing to record"
        told: list[bytes] = []
        for record in records:
            text = json.dumps(record.as_dict()).encode()
            told += [_field(record.key), b"%d %d %s" % (record.ended, record.delivery, text)]
        keys = self._keys(digest(claim.event), str(claim.token))
        if not self._run(_WRITE, keys, claim.delivery, complete, *told):
            raise LedgerError(
                f"Redis forgot {claim.event} while it was held: it was purged, or evicted; "
                f"the ledger needs maxmemory-policy noeviction"
            )

    def _all(self, members: Sequence[bytes]) -> Iterator[tuple[str, Entry | None]]:
        names = [member.decode() for member in members]
        for at in range(0, len(names), _BATCH):
            batch = names[at : at + _BATCH]
            yield from zip(batch, self._entries(batch), strict=True)

    def _entries(self, names: Sequence[str]) -> list[Entry | None]:
        def ask(redis: Any) -> list[Any]:
            pipeline = redis.pipeline(transaction=False)
            pipeline.time()
            for name in names:
                pipeline.hgetall(self._event(name))
            found: list[Any] = pipeline.execute()
            return found

        (seconds, micros), *found = self._ask(ask)
        now = seconds + micros / 1e6
        return [
            _Known(self._event(name), fields).entry(now) if fields else None
            for name, fields in zip(names, found, strict=True)
        ]

    def _run(
        self, script: str, keys: list[str], *arguments: object, seconds: float = PATIENCE
    ) -> Any:
        """Run a script; the first argument of all but the purge's is for how long to keep."""
        said = [
            one.encode("utf-8", "surrogatepass") if isinstance(one, str) else one
            for one in arguments
        ]
        if script is not _PURGE:
            said.insert(0, max(1, int(self.keep)))
        return self._ask(lambda redis: redis.register_script(script)(keys, said), seconds)

    def _ask(self, ask: Callable[[Any], T], seconds: float = PATIENCE) -> T:
        """What the server answers, within some seconds or hardly more."""
        # A try may take a fourth, which leaves one for the waits; in powers of two, as each has its own connections.
        timeout = 2.0 ** (log2(seconds / 4) // 1)
        server = self._servers.get(timeout)
        if server is None:
            server = self._servers[timeout] = _Server(self._url, timeout)
        return server.ask(ask)


class _Server:
    """The connections to a server, which end a try after some seconds without an answer."""

    def __init__(self, url: str, timeout: float) -> None:
        from urllib.parse import unquote, urlsplit
        from weakref import finalize

        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        self._password = unquote(urlsplit(url).password or "")
        self._errors = (redis.RedisError, OSError)
        self._passing = (redis.ConnectionError, redis.TimeoutError, OSError)
        self._client: Any = redis.Redis.from_url(
            url,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            # Its own tries to connect multiply with those to ask.
            retry=Retry(NoBackoff(), 0),
        )
        finalize(self, self._client.connection_pool.disconnect)

    def ask(self, ask: Callable[[Any], T]) -> T:
        waits = iter(_WAITS)
        while True:
            try:
                return ask(self._client)
            except self._errors as error:
                wait = next(waits, None) if isinstance(error, self._passing) else None
                if wait is None:
                    text = str(error)
                    if self._password:
                        text = text.replace(self._password, "***")
                    raise LedgerError(
                        f"the ledger failed in Redis: {type(error).__name__}: {text}"
                    ) from error
            sleep(wait)


class _Known:
    """What a hash tells of an event."""

    __slots__ = (
        "complete",
        "delivery",
        "key",
        "received",
        "records",
        "status",
        "task_id",
        "type",
        "until",
    )

    def __init__(self, name: str, fields: Mapping[bytes, bytes]) -> None:
        try:
            told = json.loads(fields[b"told"])
            self.key: str = told["key"]
            self.type: str = told["type"]
            self.task_id: str = told["task_id"]
            self.status: str = told["status"]
            self.received = float(told["received"])
            self.delivery = int(fields[b"delivery"])
            self.complete = fields[b"complete"] == b"1"
            self.until = int(fields[b"until"]) / 1000
            self.records = [
                Record.from_dict(json.loads(text.split(b" ", 2)[2]))
                for field, text in fields.items()
                if field.startswith(_RECORD)
            ]
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            raise _foreign(name) from error

    def entry(self, now: float) -> Entry:
        return Entry(
            self.key,
            self.type,
            self.task_id,
            self.status,
            self.received,
            self.delivery,
            self.complete,
            max(0.0, self.until - now),
            self.records,
        )


def _field(call: str) -> bytes:
    """The field of a hash for the record of a call."""
    return _RECORD + call.encode("utf-8", "surrogatepass")


def _understood(name: str, text: bytes) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(text)
    except ValueError as error:
        raise _foreign(name) from error
    return found


def _foreign(name: str) -> LedgerError:
    return LedgerError(
        f"the key {name} in Redis is not the ledger's, or is damaged: delete it, or give the ledger a prefix of its own"
    )

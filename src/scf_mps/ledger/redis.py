"""A ledger in Redis, for whoever has one: one round trip for each call, and events that expire by themselves.

Whatever has to be decided is decided by a script inside the server, by the server's clock. Each script may run twice
without harm, as the answer to the first may be lost: a claim is known again by its nonce, and everything else says
the same the second time. It needs the ``redis`` package (``pip install 'scf-mps[redis]'``), loaded when it is used.
"""

from __future__ import annotations

import json
import os
import re
from time import monotonic, time

from ..common.printable import escape_controls
from ..errors import DamagedRecord, EventHeld, LedgerError, MissingPackage
from ..logs import is_on_scf
from .base import (
    DEFAULT_TIMEOUT,
    FIND_TIMEOUT,
    Lease,
    Ledger,
    Record,
    StoredEvent,
    compute_claim_timeout,
    hash_key,
    merge_damage,
    read_fields,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from typing import Any, TypeVar

    from ..common.deadline import Deadline
    from ..events.base import Event

    T = TypeVar("T")

_WAITS = (0.05, 0.1)
"""Seconds after which what was not answered is sent again."""
_BATCH = 200
_RECORD = b"record "
_FIELDS = {"key": str, "type": str, "task_id": str, "status": str, "received": float}

# Errors of Redis and of Lua about values of another kind than the ledger writes.
_is_damage = re.compile("WRONGTYPE|attempt to |bad argument|hash value is not").search

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
            raise MissingPackage(
                "a ledger in Redis needs the redis package, which is not installed: pip install 'scf-mps[redis]'"
            )
        self._url = url
        self._names = f"{{{prefix}}}:"
        self.keep = keep
        # Loading the client takes long. SCF gives the start of an instance a time limit of its own.
        self._server = _RedisConnections(url) if is_on_scf() else None

    def claim(
        self,
        event: Event,
        calls: Collection[str],
        seconds: float,
        *,
        again: Collection[str] = (),
        owner: str = "",
    ) -> Lease:
        from ..common.redaction import redact

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
            self._keys(hash_key(key), event.task_id),
            hash_key(key),
            int(seconds * 1000),
            os.urandom(8).hex(),
            owner,
            json.dumps(told),
            repr(received),
            repr(received - self.keep),
            json.dumps(redact(event.raw)),
            *(b"%d%s" % (call in again, _field(call)) for call in calls),
            timeout=compute_claim_timeout(seconds),
        )
        if answer == b"held":
            left, holder = rest
            holder = holder.decode("utf-8", "replace") or "(unknown)"
            raise EventHeld(f"{key} is held by request {holder}", left / 1000)
        flat = rest[0]
        known = _Known(self._event(hash_key(key)), dict(zip(flat[::2], flat[1::2], strict=True)))
        if known.key != key:
            raise _foreign(self._event(hash_key(key)))
        ended = {record.key: record for record in known.records if record.ended}
        held = answer == b"claimed"
        return Lease(key, known.delivery, ended, held, event.task_id if held else None)

    def record(self, claim: Lease, record: Record) -> None:
        assert record.ended, "what did not end is told when the event is let go of"
        self._write(claim, [record], "")

    def close(self, claim: Lease, records: Sequence[Record], complete: bool) -> None:
        self._write(claim, records, str(int(complete)))

    def find(self, key: str) -> StoredEvent | None:
        until = monotonic() + FIND_TIMEOUT
        name = hash_key(key)
        (entry,) = self._entries([name], FIND_TIMEOUT)
        if isinstance(entry, DamagedRecord):
            raise entry
        if entry is None or entry.key != key:
            return None
        raw_name = self._names + "raw:" + name
        raw = self._ask(lambda redis: redis.get(raw_name), until - monotonic(), raw_name)
        if raw is not None:
            entry.notification = _read_notification(raw_name, raw)
        return entry

    def entries(self, task_id: str = "", since: float = 0.0) -> Iterator[StoredEvent]:
        where = self._task(task_id) if task_id else self._index
        members = self._ask(
            lambda redis: (
                list(redis.smembers(where))
                if task_id
                else redis.zrangebyscore(where, repr(since), "+inf")
            )
        )
        damaged: list[DamagedRecord] = []
        for _, entry in self._all(members, damaged):
            if entry is not None and entry.received >= since:
                yield entry
        if damaged:
            raise merge_damage(damaged)

    def purge(self, before: float) -> int:
        members = self._ask(lambda redis: redis.zrangebyscore(self._index, "-inf", f"({before!r}"))
        damaged: list[DamagedRecord] = []
        count: int = sum(
            self._run(_PURGE, self._keys(name, entry.task_id if entry else ""), name)
            for name, entry in self._all(members, damaged)
        )
        if damaged:
            raise merge_damage(damaged)
        return count

    @property
    def _index(self) -> str:
        return self._names + "index"

    def _event(self, name: str) -> str:
        return self._names + "event:" + name

    def _task(self, task_id: str) -> str:
        return self._names + "task:" + hash_key(task_id)

    def _keys(self, name: str, task_id: str) -> list[str]:
        keys = [self._event(name), self._names + "raw:" + name, self._index]
        return [*keys, self._task(task_id)] if task_id else keys

    def _write(self, claim: Lease, records: Sequence[Record], complete: str) -> None:
        assert claim.held, "a claim that holds nothing has nothing to record"
        told: list[bytes] = []
        for record in records:
            text = json.dumps(record.as_dict()).encode()
            told += [_field(record.key), b"%d %d %s" % (record.ended, record.delivery, text)]
        keys = self._keys(hash_key(claim.event), str(claim.token))
        if not self._run(_WRITE, keys, claim.delivery, complete, *told, timeout=claim.timeout):
            raise LedgerError(
                f"Redis forgot {claim.event} while it was held: it was purged, or evicted; "
                f"the ledger needs maxmemory-policy noeviction"
            )

    def _all(
        self, members: Sequence[bytes], damaged: list[DamagedRecord]
    ) -> Iterator[tuple[str, StoredEvent | None]]:
        """Return the events of an index. Errors of single events go to `damaged`."""
        names = [member.decode("ascii", "backslashreplace") for member in members]
        for at in range(0, len(names), _BATCH):
            batch = names[at : at + _BATCH]
            for name, entry in zip(batch, self._entries(batch), strict=True):
                if isinstance(entry, DamagedRecord):
                    damaged.append(entry)
                else:
                    yield name, entry

    def _entries(
        self, names: Sequence[str], timeout: float = DEFAULT_TIMEOUT
    ) -> list[StoredEvent | DamagedRecord | None]:
        """Return events by their digests: the error in place of one that cannot be read, None for one that is gone."""

        def ask(redis: Any) -> list[Any]:
            pipeline = redis.pipeline(transaction=False)
            pipeline.time()
            for name in names:
                pipeline.hgetall(self._event(name))
            found: list[Any] = pipeline.execute(raise_on_error=False)
            return found

        time, *found = self._ask(ask, timeout)
        if isinstance(time, Exception):
            raise LedgerError(f"the ledger failed in Redis: {time}") from time
        now = time[0] + time[1] / 1e6
        entries: list[StoredEvent | DamagedRecord | None] = []
        for name, fields in zip(names, found, strict=True):
            try:
                if isinstance(fields, Exception):
                    raise _foreign(self._event(name), str(fields))
                event = self._event(name)
                entries.append(_Known(event, fields).entry(now) if fields else None)
            except DamagedRecord as error:
                entries.append(error)
        return entries

    def _run(
        self,
        script: str,
        keys: list[str],
        *arguments: object,
        timeout: float = DEFAULT_TIMEOUT,
    ) -> Any:
        """Run a script; the first argument of all but the purge's is for how long to keep."""
        said = [
            one.encode("utf-8", "surrogatepass") if isinstance(one, str) else one
            for one in arguments
        ]
        if script is not _PURGE:
            said.insert(0, max(1, int(self.keep)))
        return self._ask(lambda redis: redis.register_script(script)(keys, said), timeout, keys[0])

    def _ask(self, ask: Callable[[Any], T], timeout: float = DEFAULT_TIMEOUT, name: str = "") -> T:
        """Return what the server answers within `timeout` seconds. See `_Server.ask`."""
        until = monotonic() + timeout
        if self._server is None:
            self._server = _RedisConnections(self._url)
        return self._server.ask(ask, until - monotonic(), name)


class _RedisConnections:
    """The connections to a server. Safe for threads. They are opened anew after a fork, by the pool's own check."""

    def __init__(self, url: str) -> None:
        import math
        from urllib.parse import unquote, urlsplit
        from weakref import finalize

        import redis
        from redis.backoff import NoBackoff
        from redis.connection import parse_url
        from redis.retry import Retry

        from ..common.deadline import connect

        bound = self._bound = _thread_deadline()
        options = dict(parse_url(url))  # type: ignore[no-untyped-call]
        is_tls = options.pop("connection_class", None) is not None

        class Connection(redis.Connection):
            """A connection whose every operation ends with the deadline of the thread that uses it."""

            def _connect(self) -> Any:
                connected = connect(self.host, int(self.port), math.inf, bound)
                if is_tls:
                    from ..common.certificates import get_ssl_context

                    try:
                        connected.secure(get_ssl_context(), self.host)
                    except BaseException:
                        connected.close()
                        raise
                return connected

        self._password = unquote(urlsplit(url).password or "")
        self._errors = (redis.RedisError, OSError)
        self._passing = (redis.ConnectionError, redis.TimeoutError, OSError)
        self._refusal: type[Exception] = redis.ResponseError
        pool = redis.ConnectionPool(
            connection_class=Connection,
            # The client's own attempts would multiply with ours.
            retry=Retry(NoBackoff(), 0),
            socket_timeout=None,
            protocol=2,
            **options,
        )
        self._client: Any = redis.Redis(connection_pool=pool)
        finalize(self, pool.disconnect)

    def ask(self, ask: Callable[[Any], T], timeout: float, name: str = "") -> T:
        """Return what the server answers.

        Args:
            ask: makes requests with a client. It is called again if the connection breaks.
            timeout: seconds for all attempts together. One takes a quarter, so that two more and the waits fit in.
            name: the key that the requests are about.

        Raises:
            LedgerError: the server does not answer, or refuses.
            DamagedRecord: the key holds something else.
        """
        from ..common.deadline import Deadline

        deadline = Deadline().within(timeout)
        waits = iter(_WAITS)
        while True:
            self._bound.at = deadline.within(timeout / 4).at
            try:
                return ask(self._client)
            except self._errors as error:
                wait = next(waits, None) if isinstance(error, self._passing) else None
                if wait is None or not deadline.sleep(wait):
                    text = str(error)
                    if name and isinstance(error, self._refusal) and _is_damage(text):
                        raise _foreign(name, text) from error
                    if self._password:
                        text = text.replace(self._password, "***")
                    raise LedgerError(
                        f"the ledger failed in Redis: {type(error).__name__}: {text}"
                    ) from error


def _thread_deadline() -> Deadline:
    """Return a deadline that each thread sets for itself."""
    import math
    import threading

    from ..common.deadline import Deadline

    local = threading.local()

    class ThreadDeadline(Deadline):
        @property
        def at(self) -> float:
            return getattr(local, "at", math.inf)

        @at.setter
        def at(self, value: float) -> None:
            local.at = value

    return ThreadDeadline()


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

    key: str
    type: str
    task_id: str
    status: str
    received: float
    delivery: int
    until: float

    def __init__(self, name: str, fields: Mapping[bytes, bytes]) -> None:
        try:
            told = read_fields(json.loads(fields[b"told"]), _FIELDS)
            self.key, self.type, self.task_id, self.status, self.received = told
            numbers = {
                "delivery": int(fields[b"delivery"]),
                "until": float(fields[b"until"]) / 1000,
            }
            self.delivery, self.until = read_fields(numbers, {"delivery": int, "until": float})
            self.complete = fields[b"complete"] == b"1"
            self.records = [
                Record.from_dict(json.loads(text.split(b" ", 2)[2]))
                for field, text in fields.items()
                if field.startswith(_RECORD)
            ]
        except (ValueError, KeyError, IndexError, RecursionError) as error:
            raise _foreign(name) from error

    def entry(self, now: float) -> StoredEvent:
        return StoredEvent(
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


def _read_notification(name: str, text: bytes) -> dict[str, Any]:
    try:
        (found,) = read_fields({"notification": json.loads(text)}, {"notification": dict})
    except (ValueError, RecursionError) as error:
        raise _foreign(name) from error
    notification: dict[str, Any] = found
    return notification


def _foreign(name: str, why: str = "") -> DamagedRecord:
    return DamagedRecord(
        f"the key {escape_controls(name)} in Redis is damaged, or not the ledger's{why and f' ({why})'}. Restore or "
        f"delete it (its callbacks run again), or give the ledger its own prefix"
    )

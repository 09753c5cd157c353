"""A ledger in Redis: one round trip for each call, and events that expire on their own.

Scripts in the server decide, by the server's clock. Each script may run twice without harm, as the response to the first
attempt may be lost: a claim is recognized by its nonce, and everything else is idempotent. The ``redis`` package
(``pip install 'scf-mps[redis]'``) is loaded on first use.
"""

from __future__ import annotations

import json
import os
import re
from time import monotonic

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

_RETRY_WAITS = (0.05, 0.1)
"""Seconds before the second and the third attempt of a request."""
_BATCH_SIZE = 200
_RECORD_PREFIX = b"record "

# Errors of Redis and of Lua for values of another type than the ledger writes.
_is_damage = re.compile("WRONGTYPE|attempt to |bad argument|hash value is not").search

# Keys: the event (a hash), its notification, the index of all events by the time they were received, and the events of
# its task (if it has one). The braces in their names keep them in one slot of a cluster.
_COMMON = """
local event, notification, index, task = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function keep(seconds)
  redis.call('EXPIRE', event, seconds)
  redis.call('EXPIRE', notification, seconds)
  if task then redis.call('EXPIRE', task, seconds) end
end
"""

# The text of a record begins with 1 if it is final (else 0) and its delivery. The greater one of two is kept, see
# `Record.replaces`.
_WRITE = (
    _COMMON
    + """
local seconds, delivery, complete = ARGV[1], ARGV[2], ARGV[3]
local current = redis.call('HGET', event, 'delivery')
if not current then return 0 end
local function rank(text)
  local final, number = string.match(text, '^(%d) (%d+) ')
  return tonumber(final), tonumber(number)
end
for i = 4, #ARGV, 2 do
  local final, number = rank(ARGV[i + 1])
  local old = redis.call('HGET', event, ARGV[i])
  local old_final, old_number = 0, 0
  if old then old_final, old_number = rank(old) end
  local overtaken = final == 0 and current ~= delivery
  if not overtaken and (final > old_final or (final == old_final and number >= old_number)) then
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
local description, received, expired, raw = ARGV[6], ARGV[7], ARGV[8], ARGV[9]
local at = now()
local known = redis.call('HMGET', event, 'until', 'complete', 'nonce', 'owner')
if not known[1] then
  redis.call('HSET', event, 'told', description, 'delivery', 1)
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
    local finished = true
    for i = 10, #ARGV do
      local forced, name = string.match(ARGV[i], '^(%d)(.*)$')
      local record = redis.call('HGET', event, name)
      finished = finished and forced == '0' and record and string.sub(record, 1, 1) == '1'
    end
    if finished then return {'finished', redis.call('HGETALL', event)} end
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
    """A ledger in Redis. An event expires when nothing was written about it for `keep` seconds. See `Ledger`.

    Redis must not evict keys before they expire: ``maxmemory-policy noeviction``.

    Args:
        url: ``redis://[[user]:password@]host[:port][/db]``, or ``rediss://`` for TLS.
        prefix: of the names of all keys, in braces.
        keep: seconds for which events are kept.

    Raises:
        MissingPackage: the ``redis`` package is not installed.
    """

    def __init__(self, url: str, prefix: str = "mps", keep: float = 30 * 86400.0) -> None:
        from importlib.util import find_spec

        if find_spec("redis") is None:
            raise MissingPackage(
                "the redis package of the ledger is not installed: pip install 'scf-mps[redis]'"
            )
        self._url = url
        self._names = f"{{{prefix}}}:"
        self.keep = keep
        # Loading the client is slow. SCF limits the start of an instance separately.
        self._connections = _RedisConnections(url) if is_on_scf() else None

    def claim(
        self,
        event: Event,
        calls: Collection[str],
        seconds: float,
        *,
        forced: Collection[str] = (),
        owner: str = "",
    ) -> Lease:
        from ..common.redaction import redact

        new = StoredEvent.from_event(event)
        name = hash_key(new.key)
        status, *details = self._run(
            _CLAIM,
            self._get_keys(name, new.task_id),
            name,
            int(seconds * 1000),
            os.urandom(8).hex(),
            owner,
            json.dumps(new.describe()),
            repr(new.received),
            repr(new.received - self.keep),
            json.dumps(redact(event.raw)),
            *(b"%d%s" % (call in forced, _get_record_field(call)) for call in calls),
            timeout=compute_claim_timeout(seconds),
        )
        if status == b"held":
            milliseconds, holder = details
            holder = holder.decode("utf-8", "replace") or "(unknown)"
            raise EventHeld(f"{new.key} is held by request {holder}", milliseconds / 1000)
        flat = details[0]
        key = self._get_event_key(name)
        stored = _parse_event(key, dict(zip(flat[::2], flat[1::2], strict=True)))
        if stored.key != new.key:
            raise _create_damage(key)
        held = status == b"claimed"
        token = new.task_id if held else None
        return Lease(new.key, stored.delivery, stored.final_records, held, token)

    def record(self, lease: Lease, record: Record) -> None:
        assert record.is_final, "only final records are stored before the event is closed"
        self._write(lease, [record], "")

    def close(self, lease: Lease, records: Sequence[Record], complete: bool) -> None:
        self._write(lease, records, str(int(complete)))

    def find(self, key: str) -> StoredEvent | None:
        until = monotonic() + FIND_TIMEOUT
        name = hash_key(key)
        (event,) = self._load_events([name], FIND_TIMEOUT)
        if isinstance(event, DamagedRecord):
            raise event
        if event is None or event.key != key:
            return None
        raw_key = self._names + "raw:" + name
        raw = self._request(lambda redis: redis.get(raw_key), until - monotonic(), raw_key)
        if raw is not None:
            event.notification = _parse_notification(raw_key, raw)
        return event

    def list_events(self, task_id: str = "", since: float = 0.0) -> Iterator[StoredEvent]:
        key = self._get_task_key(task_id) if task_id else self._index_key
        members = self._request(
            lambda redis: (
                list(redis.smembers(key))
                if task_id
                else redis.zrangebyscore(key, repr(since), "+inf")
            )
        )
        damaged: list[DamagedRecord] = []
        for _, event in self._load_members(members, damaged):
            if event is not None and event.received >= since:
                yield event
        if damaged:
            raise merge_damage(damaged)

    def purge(self, before: float) -> int:
        members = self._request(
            lambda redis: redis.zrangebyscore(self._index_key, "-inf", f"({before!r}")
        )
        damaged: list[DamagedRecord] = []
        count: int = sum(
            self._run(_PURGE, self._get_keys(name, event.task_id if event else ""), name)
            for name, event in self._load_members(members, damaged)
        )
        if damaged:
            raise merge_damage(damaged)
        return count

    @property
    def _index_key(self) -> str:
        return self._names + "index"

    def _get_event_key(self, name: str) -> str:
        return self._names + "event:" + name

    def _get_task_key(self, task_id: str) -> str:
        return self._names + "task:" + hash_key(task_id)

    def _get_keys(self, name: str, task_id: str) -> list[str]:
        """Return the keys of an event, in the order of the scripts."""
        keys = [self._get_event_key(name), self._names + "raw:" + name, self._index_key]
        return [*keys, self._get_task_key(task_id)] if task_id else keys

    def _write(self, lease: Lease, records: Sequence[Record], complete: str) -> None:
        assert lease.held, "a lease that holds nothing has nothing to record"
        fields: list[bytes] = []
        for record in records:
            text = json.dumps(record.as_dict()).encode()
            fields += [
                _get_record_field(record.key),
                b"%d %d %s" % (record.is_final, record.delivery, text),
            ]
        keys = self._get_keys(hash_key(lease.event), str(lease.token))
        if not self._run(_WRITE, keys, lease.delivery, complete, *fields, timeout=lease.timeout):
            raise LedgerError(
                f"Redis lost {lease.event} while it was held: it was purged or evicted. "
                f"Set maxmemory-policy noeviction"
            )

    def _load_members(
        self, members: Sequence[bytes], damaged: list[DamagedRecord]
    ) -> Iterator[tuple[str, StoredEvent | None]]:
        """Yield the members of an index with their events. Errors of single events go to `damaged`."""
        names = [member.decode("ascii", "backslashreplace") for member in members]
        for start in range(0, len(names), _BATCH_SIZE):
            batch = names[start : start + _BATCH_SIZE]
            for name, event in zip(batch, self._load_events(batch), strict=True):
                if isinstance(event, DamagedRecord):
                    damaged.append(event)
                else:
                    yield name, event

    def _load_events(
        self, names: Sequence[str], timeout: float = DEFAULT_TIMEOUT
    ) -> list[StoredEvent | DamagedRecord | None]:
        """Return events by the hashes of their keys. An error replaces a damaged event, None an expired one."""

        def request(redis: Any) -> list[Any]:
            pipeline = redis.pipeline(transaction=False)
            pipeline.time()
            for name in names:
                pipeline.hgetall(self._get_event_key(name))
            responses: list[Any] = pipeline.execute(raise_on_error=False)
            return responses

        now, *hashes = self._request(request, timeout)
        if isinstance(now, Exception):
            raise LedgerError(f"the ledger failed in Redis: {now}") from now
        events: list[StoredEvent | DamagedRecord | None] = []
        for name, fields in zip(names, hashes, strict=True):
            key = self._get_event_key(name)
            try:
                if isinstance(fields, Exception):
                    raise _create_damage(key, str(fields))
                event = _parse_event(key, fields, now[0] + now[1] / 1e6) if fields else None
                events.append(event)
            except DamagedRecord as error:
                events.append(error)
        return events

    def _run(
        self, script: str, keys: list[str], *arguments: object, timeout: float = DEFAULT_TIMEOUT
    ) -> Any:
        """Run a script. The first argument of every script but the purge is the seconds to keep the keys."""
        values = [
            value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
            for value in arguments
        ]
        if script is not _PURGE:
            values.insert(0, max(1, int(self.keep)))
        return self._request(
            lambda redis: redis.register_script(script)(keys, values), timeout, keys[0]
        )

    def _request(
        self, request: Callable[[Any], T], timeout: float = DEFAULT_TIMEOUT, key: str = ""
    ) -> T:
        """Return the server's response within `timeout` seconds. See `_RedisConnections.request`."""
        until = monotonic() + timeout
        if self._connections is None:
            self._connections = _RedisConnections(self._url)
        return self._connections.request(request, until - monotonic(), key)


class _RedisConnections:
    """The connections to a server. Safe for threads. The pool itself opens new ones after a fork."""

    def __init__(self, url: str) -> None:
        import math
        from urllib.parse import unquote, urlsplit
        from weakref import finalize

        import redis
        from redis.backoff import NoBackoff
        from redis.connection import parse_url
        from redis.retry import Retry

        from ..common.deadline import connect

        bound = self._bound = _create_thread_deadline()
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
        self._transient_errors = (redis.ConnectionError, redis.TimeoutError, OSError)
        self._refusal: type[Exception] = redis.ResponseError
        pool = redis.ConnectionPool(
            connection_class=Connection,
            # Retries of the client would multiply with ours.
            retry=Retry(NoBackoff(), 0),
            socket_timeout=None,
            protocol=2,
            **options,
        )
        self._client: Any = redis.Redis(connection_pool=pool)
        finalize(self, pool.disconnect)

    def request(self, request: Callable[[Any], T], timeout: float, key: str = "") -> T:
        """Return the server's response.

        Args:
            request: makes requests with a client. It is called again if the connection breaks.
            timeout: seconds for all attempts together. One attempt takes at most a quarter, so that two more and the
                waits fit in.
            key: the key that the requests are about.

        Raises:
            LedgerError: the server does not respond, or refuses.
            DamagedRecord: the key holds other data than the ledger's.
        """
        from ..common.deadline import Deadline
        from ..common.retry import call_with_retry

        deadline = Deadline().within(timeout)

        def attempt() -> T:
            self._bound.at = deadline.within(timeout / 4).at
            return request(self._client)

        def compute_wait(error: Exception, attempt: int) -> float | None:
            is_last = attempt > len(_RETRY_WAITS)
            if is_last or not isinstance(error, self._transient_errors):
                return None
            return _RETRY_WAITS[attempt - 1]

        try:
            return call_with_retry(attempt, deadline, compute_wait)
        except self._errors as error:
            text = str(error)
            if key and isinstance(error, self._refusal) and _is_damage(text):
                raise _create_damage(key, text) from error
            if self._password:
                text = text.replace(self._password, "***")
            raise LedgerError(
                f"the ledger failed in Redis: {type(error).__name__}: {text}"
            ) from error


def _create_thread_deadline() -> Deadline:
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


def _parse_event(key: str, fields: Mapping[bytes, bytes], now: float = 0.0) -> StoredEvent:
    """Return an event from the fields of its hash.

    Args:
        key: of the hash.
        fields: ``told`` has the description.
        now: the server's time in seconds since the epoch.

    Raises:
        DamagedRecord: a field is invalid.
    """
    try:
        event = StoredEvent.from_description(json.loads(fields[b"told"]))
        numbers = {"delivery": int(fields[b"delivery"]), "until": float(fields[b"until"]) / 1000}
        event.delivery, until = read_fields(numbers, {"delivery": int, "until": float})
        event.lease_seconds = max(0.0, until - now)
        event.complete = fields[b"complete"] == b"1"
        event.add(
            Record.from_dict(json.loads(text.split(b" ", 2)[2]))
            for field, text in fields.items()
            if field.startswith(_RECORD_PREFIX)
        )
    except (ValueError, KeyError, IndexError, RecursionError) as error:
        raise _create_damage(key) from error
    return event


def _get_record_field(call: str) -> bytes:
    """Return the field of a hash for the record of a call."""
    return _RECORD_PREFIX + call.encode("utf-8", "surrogatepass")


def _parse_notification(key: str, text: bytes) -> dict[str, Any]:
    try:
        (fields,) = read_fields({"notification": json.loads(text)}, {"notification": dict})
    except (ValueError, RecursionError) as error:
        raise _create_damage(key) from error
    notification: dict[str, Any] = fields
    return notification


def _create_damage(key: str, reason: str = "") -> DamagedRecord:
    return DamagedRecord(
        f"the key {escape_controls(key)} in Redis is damaged, or not the ledger's{reason and f' ({reason})'}. Restore or "
        f"delete it (its callbacks run again), or give the ledger its own prefix"
    )

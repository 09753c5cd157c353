"""Helpers for tests of the COS emulator: a clock, documents, uploads, batch deletes, stored blobs."""

import base64
import hashlib
import socket
from urllib.parse import urlencode

from .wire import HOST, authorization


class Clock:
    """A clock that tests set."""

    def __init__(self):
        self.now = 1_800_000_000.0

    def __call__(self):
        return self.now


def set_versioning(wire, status):
    body = f"<VersioningConfiguration><Status>{status}</Status></VersioningConfiguration>"
    assert wire.document("PUT", "", "versioning", body).status == 200


def blobs(directory):
    return list(directory.glob("blobs/*/*"))


def build_request(cos, method, target, *lines, signed_path="", **query):
    """Return a signed request with these header lines, without a body."""
    auth = authorization(cos.key, method, signed_path or target, query, {"host": HOST})
    path = f"{target}?{urlencode(query)}" if query else target
    head = [f"{method} {path} HTTP/1.1", f"Host: {HOST}", f"Authorization: {auth}", *lines, "", ""]
    return "\r\n".join(head).encode()


def connect(cos):
    return socket.create_connection(("127.0.0.1", cos.port), timeout=30)


def waiting_upload(cos, method, key, query):
    """Send a request that is accepted and waits for its body of 4 bytes."""
    connection = connect(cos)
    lines = ("Expect: 100-continue", "Content-Length: 4")
    connection.sendall(build_request(cos, method, f"/{key}", *lines, **query))
    assert connection.recv(4096).startswith(b"HTTP/1.1 100")
    return connection


def initiate(wire, key="m", **headers):
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    reply = wire.request("POST", key, {"uploads": ""}, names)
    assert reply.status == 200
    return reply.text("UploadId")


def upload(wire, upload_id, number, body, key="m"):
    query = {"partNumber": str(number), "uploadId": upload_id}
    return wire.request("PUT", key, query, body=body)


def complete(wire, upload_id, parts, key="m", **headers):
    body = "".join(
        f"<Part><PartNumber>{n}</PartNumber><ETag>{etag}</ETag></Part>" for n, etag in parts
    )
    return wire.request(
        "POST",
        key,
        {"uploadId": upload_id},
        {name.replace("_", "-"): value for name, value in headers.items()},
        f"<CompleteMultipartUpload>{body}</CompleteMultipartUpload>".encode(),
    )


def put_parts(wire, upload_id, *bodies):
    return [
        (number, upload(wire, upload_id, number, body).headers["ETag"])
        for number, body in enumerate(bodies, 1)
    ]


def objects(*keys):
    return "".join(f"<Object><Key>{key}</Key></Object>" for key in keys)


def batch_delete(wire, body, **headers):
    """Send a batch delete with its Content-MD5."""
    content = body.encode()
    digest = base64.b64encode(hashlib.md5(content).digest()).decode()
    return wire.request("POST", "", {"delete": ""}, {"Content-MD5": digest, **headers}, content)


def tagging(**tags):
    pairs = "".join(f"<Tag><Key>{k}</Key><Value>{v}</Value></Tag>" for k, v in tags.items())
    return f"<Tagging><TagSet>{pairs}</TagSet></Tagging>"


def grant(grantee, permission):
    return (
        f"<AccessControlPolicy><AccessControlList><Grant><Grantee>{grantee}</Grantee>"
        f"<Permission>{permission}</Permission></Grant></AccessControlList></AccessControlPolicy>"
    )


def restore(days=1, tier="Expedited"):
    return (
        f"<RestoreRequest><Days>{days}</Days><CASJobParameters><Tier>{tier}</Tier>"
        "</CASJobParameters></RestoreRequest>"
    )

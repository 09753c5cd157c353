"""COS error codes and the exception that carries them.

The server turns `CosError` into an HTTP response (an XML body, headers only for HEAD). Codes and
statuses follow documentation page 436/7730 and the pages of the operations.
"""

from __future__ import annotations

from collections.abc import Mapping

CATALOGUE: Mapping[str, tuple[int, str]] = {
    "NotModified": (304, "Not Modified"),
    "BadDigest": (400, "The Content-MD5 you specified did not match what we received."),
    "EntityTooLarge": (400, "Your proposed upload exceeds the maximum allowed object size."),
    "EntityTooSmall": (400, "Your proposed upload is smaller than the minimum allowed size."),
    "InvalidArgument": (400, "Invalid Argument."),
    "InvalidBucketName": (400, "The specified bucket is not valid."),
    "InvalidDigest": (400, "The Content-MD5 you specified is missing or invalid."),
    "InvalidPart": (400, "One or more of the specified parts could not be found."),
    "InvalidPartOrder": (400, "The list of parts was not in ascending order."),
    "InvalidRequest": (400, "Invalid Request."),
    "InvalidStorageClass": (400, "The storage class you specified is not valid."),
    "InvalidTag": (400, "The tags you specified are not valid."),
    "InvalidURI": (400, "Could not parse the specified URI."),
    "KeyTooLong": (400, "Your key is too long."),
    "MalformedXML": (400, "The XML you provided was not well-formed."),
    "AccessDenied": (403, "Access Denied."),
    "ExpiredToken": (403, "The provided token has expired."),
    "InvalidAccessKeyId": (403, "The Access Key Id you provided does not exist in our records."),
    "InvalidObjectState": (403, "The operation is not valid for the object's storage class."),
    "InvalidToken": (403, "The provided token is not valid."),
    "RequestTimeTooSkewed": (403, "The request is not valid yet."),
    "SignatureDoesNotMatch": (403, "The Signature you specified is invalid."),
    "NoSuchBucket": (404, "The specified bucket does not exist."),
    "NoSuchConfiguration": (404, "The specified configuration does not exist."),
    "NoSuchKey": (404, "The specified key does not exist."),
    "NoSuchTagSet": (404, "The TagSet does not exist."),
    "NoSuchUpload": (404, "The specified multipart upload does not exist."),
    "NoSuchVersion": (404, "The specified version does not exist."),
    "NotSymlink": (404, "The object is not a symlink."),
    "SymlinkTargetNotExist": (404, "The target of the symlink does not exist."),
    "MethodNotAllowed": (405, "The specified method is not allowed against this resource."),
    "BucketAlreadyExists": (409, "The requested bucket name is not available."),
    "BucketAlreadyOwnedByYou": (409, "The bucket you tried to create exists and is yours."),
    "BucketNotEmpty": (409, "The bucket you tried to delete is not empty."),
    "FileAlreadyExists": (409, "The object you specified already exists."),
    "ObjectNotAppendable": (409, "The object is not appendable."),
    "PositionNotEqualToLength": (409, "Position is not equal to the length of the object."),
    "RestoreAlreadyInProgress": (409, "Object restore is already in progress."),
    "MissingContentLength": (411, "You must provide the Content-Length HTTP header."),
    "PreconditionFailed": (412, "At least one of the preconditions did not hold."),
    "InvalidRange": (416, "The requested range cannot be satisfied."),
    "InternalError": (500, "We encountered an internal error. Please try again."),
    "NotImplemented": (501, "The emulator does not implement this operation."),
    "ServiceUnavailable": (503, "Please reduce your request rate."),
    "SlowDown": (503, "Please reduce your request rate."),
}
"""Code to (HTTP status, default message). Only codes are protocol: COS's messages differ."""


class CosError(Exception):
    """An error response of COS.

    Attributes:
        code: a COS error code.
        status: the HTTP status, by default the catalogue's.
        message: the text, by default the catalogue's. A code outside of the catalogue needs both.
        headers: headers of the response.
        fields: additional elements of the error document, such as StringToSign.
    """

    def __init__(
        self,
        code: str,
        message: str | None = None,
        *,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        fields: Mapping[str, str] | None = None,
    ) -> None:
        default_status, default_message = CATALOGUE.get(code, (400, code))
        self.code = code
        self.status = default_status if status is None else status
        self.message = default_message if message is None else message
        self.headers = dict(headers or {})
        self.fields = dict(fields or {})
        super().__init__(f"{self.status} {code}: {self.message}")

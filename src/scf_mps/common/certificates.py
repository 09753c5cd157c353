"""TLS settings of all clients, which verify certificates with the CA bundle of this machine."""

from __future__ import annotations

import os
from functools import cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ssl import SSLContext

_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu
    "/etc/pki/tls/certs/ca-bundle.crt",  # TencentOS, CentOS, Fedora
    "/etc/ssl/ca-bundle.pem",  # openSUSE
    "/etc/ssl/cert.pem",  # Alpine, macOS
)
"""CA bundles of systems, from Go's crypto/x509/root_linux.go."""

_ADVICE = (
    "Install the CA certificates of the system, or certifi. For a proxy that replaces certificates, or a private "
    "server, set SSL_CERT_FILE to a bundle with its CA"
)
_HOSTNAME_MISMATCH = 62
"""X509_V_ERR_HOSTNAME_MISMATCH of OpenSSL. No bundle helps."""


def get_ssl_context(cafile: str | None = None) -> SSLContext:
    """Return settings that verify certificate and host name, by the CAs of a file or by those of the system.

    They are cached, because reading a bundle takes 20 ms.
    """
    return _create_context(cafile, os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@cache
def _create_context(cafile: str | None, *_environment: str | None) -> SSLContext:
    import ssl

    context = ssl.create_default_context(cafile=cafile)
    if cafile is None and not _has_certificates(context):
        bundle = _find_bundle()
        if bundle:
            context.load_verify_locations(bundle)
    return context


def _has_certificates(context: SSLContext) -> bool:
    """Return True if OpenSSL found CAs. A Python built on another machine looks for them in that machine's places."""
    import ssl

    if context.cert_store_stats()["x509_ca"]:
        return True
    # OpenSSL reads the certificates of a directory later, and does not count them yet.
    directories = os.environ.get("SSL_CERT_DIR") or ssl.get_default_verify_paths().openssl_capath
    return any(os.path.isdir(path) and os.listdir(path) for path in directories.split(os.pathsep))


def _find_bundle() -> str:
    """Return the path of a CA bundle, or an empty text."""
    try:
        from certifi import where
    except ImportError:
        return next((path for path in _BUNDLES if os.path.isfile(path)), "")
    return where()


def explain_distrust(error: BaseException | None) -> str:
    """Return why a certificate is not trusted, and the fix, from an error or its causes. Otherwise an empty text."""
    while error is not None:
        reason: str = getattr(error, "verify_message", "")
        if reason:
            is_other_host = getattr(error, "verify_code", 0) == _HOSTNAME_MISMATCH
            advice = "Is the address correct?" if is_other_host else _ADVICE
            return f"the certificate is not trusted: {reason.rstrip('.')}. {advice}"
        error = error.__cause__ or error.__context__
    return ""

"""The TLS settings of all clients: certificates are verified, by whichever CA bundle this machine has."""

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
"""Where systems keep the certificates of their CAs, by Go's crypto/x509/root_linux.go."""

_ADVICE = (
    "install the CA certificates of the system, or certifi. Behind a proxy that replaces certificates, or for a server "
    "of your own, set SSL_CERT_FILE to a bundle that holds its CA"
)
_OTHER_HOST = 62
"""X509_V_ERR_HOSTNAME_MISMATCH of OpenSSL: no bundle helps."""


def get_ssl_context(cafile: str | None = None) -> SSLContext:
    """Return settings that verify certificate and host name. They are made once: reading a bundle takes 20 ms.

    Args:
        cafile: the CAs to trust instead of the system's.
    """
    return _trust(cafile, os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@cache
def _trust(cafile: str | None, *_environment: str | None) -> SSLContext:
    import ssl

    context = ssl.create_default_context(cafile=cafile)
    if cafile is None and not _has_certificates(context):
        bundle = _find_bundle()
        if bundle:
            context.load_verify_locations(bundle)
    return context


def _has_certificates(context: SSLContext) -> bool:
    """Return True if OpenSSL found CAs. A Python that was built on another machine looks where that one has them."""
    import ssl

    if context.cert_store_stats()["x509_ca"]:
        return True
    # The certificates of a directory are read when they are needed, so that they are not counted yet.
    directories = os.environ.get("SSL_CERT_DIR") or ssl.get_default_verify_paths().openssl_capath
    return any(os.path.isdir(one) and os.listdir(one) for one in directories.split(os.pathsep))


def _find_bundle() -> str:
    """Return the path of a bundle of CAs, or an empty text."""
    try:
        from certifi import where
    except ImportError:
        return next((path for path in _BUNDLES if os.path.isfile(path)), "")
    return where()


def explain_distrust(error: BaseException | None) -> str:
    """Return why a certificate is not trusted, and the fix, from an error or its causes; else an empty text."""
    while error is not None:
        reason: str = getattr(error, "verify_message", "")
        if reason:
            other_host = getattr(error, "verify_code", 0) == _OTHER_HOST
            advice = "is it the right address?" if other_host else _ADVICE
            return f"the certificate is not trusted: {reason.rstrip('.')}: {advice}"
        error = error.__cause__ or error.__context__
    return ""

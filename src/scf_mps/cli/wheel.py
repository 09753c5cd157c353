"""A wheel of the installed scf-mps, for projects that cannot install it from an index.

Its content equals that of the build backend. Only the version differs: it has a local label from the content, such as
``0.1.0+h1a2b3c4d``. An index cannot serve such a version, so a pin never installs somebody else's package, and pip
notices every change.
"""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from importlib.metadata import Distribution

_METADATA = ("METADATA", "WHEEL", "entry_points.txt", "licenses/LICENSE")
_EPOCH = (1980, 1, 1, 0, 0, 0)


def build_wheel(distribution: Distribution, code: Mapping[str, bytes]) -> tuple[str, str, bytes]:
    """Return the version, the file name and the content of a wheel.

    Args:
        distribution: the installed distribution, for its metadata.
        code: the content of each file by its path in the wheel.
    """
    files = dict(sorted(code.items()))
    metadata = {part: distribution.read_text(part) or "" for part in _METADATA}
    public = distribution.version.partition("+")[
        0
    ]  # the installed distribution may be such a wheel
    before, _, after = metadata["METADATA"].partition(f"\nVersion: {distribution.version}\n")
    content = repr((files, before, after, metadata["entry_points.txt"])).encode()
    version = f"{public}+h{hashlib.sha256(content).hexdigest()[:8]}"
    metadata["METADATA"] = f"{before}\nVersion: {version}\n{after}"
    name = f"{distribution.metadata['Name'].replace('-', '_')}-{version}"
    files |= {f"{name}.dist-info/{part}": text.encode() for part, text in metadata.items()}
    record = f"{name}.dist-info/RECORD"
    rows = io.StringIO()
    writer = csv.writer(rows, lineterminator="\n")
    for path, content in files.items():
        digest = urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        writer.writerow((path, f"sha256={digest}", len(content)))
    writer.writerow((record, "", ""))
    wheel = io.BytesIO()
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in (*files.items(), (record, rows.getvalue().encode())):
            entry = zipfile.ZipInfo(path, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, content)
    return version, f"{name}-py3-none-any.whl", wheel.getvalue()

"""Request signatures."""

from urllib.parse import parse_qsl, unquote, urlsplit

from scf_mps.cos import signature

from .support import MEDIA


def test_signature_equals_official_sdk(make_sdk, recorder, credentials):
    sdk = make_sdk(proxy=recorder.url)
    sdk.put_object(Bucket=MEDIA, Key="a b/ü.txt", Body=b"x", Metadata={"x-cos-meta-k": "v v/+"})
    sdk.list_objects(Bucket=MEDIA, Prefix="a b/", MaxKeys=5)
    assert len(recorder.heads) == 2
    for head in recorder.heads:
        method, url, _ = head.split("\n")[0].split()
        path = unquote(urlsplit(url).path)
        params = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
        sent = dict(line.split(": ", 1) for line in head.splitlines()[1:])
        sent = {name.lower(): value for name, value in sent.items()}
        theirs = dict(pair.split("=", 1) for pair in sent["authorization"].split("&"))
        names = theirs["q-header-list"].split(";")
        names_of_params = filter(None, theirs["q-url-param-list"].split(";"))
        ours = signature.sign_request(
            credentials,
            signature.SignedParts(
                method,
                path,
                {name: params[name] for name in names_of_params},
                {name: sent[name] for name in names},
            ),
            theirs["q-sign-time"],
        )
        assert dict(pair.split("=", 1) for pair in ours.split("&")) == theirs

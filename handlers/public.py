"""Public access to sprites and their WebVTT index, enabled by ``MPS_PUBLIC=1``: players load them without a signature.

`Cos` has no call for access rights, so this uses the official client. It needs ``scf-mps[cos]`` in requirements.txt.
"""

from scf_mps import ImageSprites, Router

from .settings import settings

router = Router()


def _parse(value: str) -> bool:
    if value != "1":
        raise ValueError("use 1, or leave it out")
    return True


if settings.read("MPS_PUBLIC", _parse):
    from scf_mps.sdk import Sdk

    @router.on(ImageSprites)
    def make_public(sprites: ImageSprites, sdk: Sdk) -> None:
        """Let everybody read the files of a sprite result."""
        for file in sprites.files:
            sdk.cos(file).put_object_acl(**file.sdk, ACL="public-read")

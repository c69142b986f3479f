"""All checks of an archive, in one call."""

from services.widget.checking.bundle import Breach, opened
from services.widget.checking.files import check_files
from services.widget.checking.manifest import check_manifest, version_of
from services.widget.checking.pictures import check_pictures
from services.widget.checking.scripts import check_scripts
from services.widget.checking.styles import check_styles
from services.widget.checking.texts import check_texts


def findings(path: str, *, is_public: bool = False, former: str | None = None) -> list[Breach]:
    """What Kommo would not take, by place; nothing if all is well.

    Args:
        path: The archive.
        is_public: Whether it is to be published, which forbids more; else told by its locations.
        former: The archive that was uploaded before; this one's version has to be higher.

    Raises:
        NotAnArchiveError: One of both is none.
    """
    bundle = opened(path, is_public=is_public)
    check_files(bundle)
    check_manifest(bundle, former=None if former is None else version_of(opened(former)))
    check_texts(bundle)
    check_pictures(bundle)
    check_scripts(bundle)
    check_styles(bundle)
    return sorted(bundle.findings)

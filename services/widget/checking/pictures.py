"""Pictures: their exact sizes, their weight, and that they are seen on a light and a dark page."""

from io import BytesIO
from typing import cast

from PIL import Image

from services.widget.checking.bundle import CheckedArchive

LOGOS = {
    "images/logo.png": (130, 100),
    "images/logo_main.png": (400, 272),
    "images/logo_medium.png": (240, 84),
    "images/logo_small.png": (108, 108),
    "images/logo_min.png": (84, 84),
}
TRIGGER_LOGO = {"images/logo_dp.png": (174, 109)}
TOUR = (1188, 616)
BYTES_MAX = 300 * 1024
PIXELS_MAX = 4_000_000
CONTRAST_MIN = 3.0
BACKGROUNDS = {"#FFFFFF": (255, 255, 255), "#153043": (0x15, 0x30, 0x43)}
# Of 255: what is thinner is the soft edge of something, and not drawn.
OPAQUE = 128


def check_pictures(bundle: CheckedArchive) -> None:
    """Every logo, and every picture of the tour."""
    sizes = dict(LOGOS)
    if "dp" in bundle.manifest:
        sizes |= TRIGGER_LOGO
    for path, size in sizes.items():
        if path not in bundle.files:
            bundle.refuse(path, f"is missing: a PNG of {size[0]}x{size[1]}")
        elif (picture := _read(bundle, path, size, ("PNG",))) is not None:
            _check_contrast(bundle, path, picture)
    for path in _tour(bundle):
        if path in bundle.files:
            _read(bundle, path, TOUR, ("PNG", "JPEG"))


def _tour(bundle: CheckedArchive) -> list[str]:
    tour = bundle.manifest.get("tour")
    images = tour.get("tour_images") if isinstance(tour, dict) else None
    named = images.values() if isinstance(images, dict) else ()
    return sorted({str(path).lstrip("/") for each in named for path in each})


def _read(
    bundle: CheckedArchive, path: str, size: tuple[int, int], kinds: tuple[str, ...]
) -> Image.Image | None:
    content = bundle.files[path]
    if len(content) > BYTES_MAX:
        bundle.refuse(path, f"has {len(content)} bytes; Kommo takes {BYTES_MAX} at most")
    try:
        picture = Image.open(BytesIO(content), formats=kinds)
        if picture.width * picture.height > PIXELS_MAX:
            bundle.refuse(path, f"is {picture.width}x{picture.height}, not {size[0]}x{size[1]}")
            return None
        picture.load()
    except (OSError, ValueError, SyntaxError) as error:
        bundle.refuse(path, f"is not a {' or '.join(kinds)} that can be read: {error}")
        return None
    if picture.size != size:
        bundle.refuse(path, f"is {picture.width}x{picture.height}, not {size[0]}x{size[1]}")
    return picture


def _check_contrast(bundle: CheckedArchive, path: str, picture: Image.Image) -> None:
    """Most of what is drawn has to stand out from the page, be it light or dark."""
    seen_as = picture.convert("RGBA").getcolors(picture.width * picture.height)
    shades = [
        (count, color[:3])
        for count, color in cast("list[tuple[int, tuple[int, int, int, int]]]", seen_as)
        if color[3] >= OPAQUE
    ]
    drawn = sum(count for count, _ in shades)
    if not drawn:
        bundle.refuse(path, "is empty")
        return
    for name, background in BACKGROUNDS.items():
        seen = sum(count for count, shade in shades if _contrast(shade, background) >= CONTRAST_MIN)
        if 2 * seen < drawn:
            bundle.refuse(
                path, f"is hard to see on {name}: most of it has less than {CONTRAST_MIN}:1 there"
            )


def _contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    """As WCAG 2.2 counts it: 1 for the same colour, 21 for black on white."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(shade: tuple[int, int, int]) -> float:
    red, green, blue = (_linear(part / 255) for part in shade)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    low_end = 0.04045
    return part / 12.92 if part <= low_end else float(((part + 0.055) / 1.055) ** 2.4)

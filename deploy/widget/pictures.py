"""Draws the widget's pictures: an anchor whose line parts evenly, in every size Kommo asks for.

`make pictures` writes them into services/widget/archive/images with the system's Chromium; they are
checked in, so that nobody who builds a widget needs a browser. No picture holds letters: one does
for every language, and no font decides what it looks like.
"""

from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

IMAGES = Path(__file__).parents[2] / "services/widget/archive/images"
CHROMIUM = "/usr/bin/chromium"
# At least 3 to 1 against white and against Kommo's dark #153043.
LIGHT, DEEP = "#5190ff", "#3d7ce6"
PALE = "#dbe8ff"
SIZES = {
    "logo": (130, 100),
    "logo_main": (400, 272),
    "logo_medium": (240, 84),
    "logo_small": (108, 108),
    "logo_min": (84, 84),
    "logo_dp": (174, 109),
}
TOUR = (1188, 616)

# In a square of 100: ring, stock, shank, arms with their flukes.
ANCHOR = """
<g fill="none" stroke="#fff" stroke-width="8" stroke-linecap="round" stroke-linejoin="round">
<circle cx="50" cy="20" r="10"/>
<path d="M50 30V86M32 42H68M16 60C18 78 32 86 50 86C68 86 82 78 84 60"/>
<path d="M8 66L16 58L25 67M75 67L84 58L92 66"/></g>
"""


def _svg(width: int, height: int, body: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">'
        f'<defs><linearGradient id="sea" x1="0" y1="0" x2="1" y2="1"><stop stop-color="{LIGHT}"/>'
        f'<stop offset="1" stop-color="{DEEP}"/></linearGradient></defs>{body}</svg>'
    )


def _anchor(x: float, y: float, size: float) -> str:
    return f'<g transform="translate({x} {y}) scale({size / 100})">{ANCHOR}</g>'


def _shares(x: float, right: float, height: float) -> str:
    """Three lines that part from the anchor's ring, each to somebody."""
    radius = height * 0.09
    parts = []
    for share in (0.22, 0.5, 0.78):
        y = height * share
        parts.append(
            f'<path d="M{x} {height * 0.5}C{(x + right) / 2} {height * 0.5} {(x + right) / 2} {y}'
            f' {right - radius} {y}" fill="none" stroke="{PALE}" stroke-width="{height * 0.035}"'
            f' stroke-linecap="round"/><circle cx="{right}" cy="{y}" r="{radius}" fill="#fff"/>'
        )
    return "".join(parts)


def logo(width: int, height: int) -> str:
    """The anchor on its tile; where there is room, with the three it parts its leads among."""
    corner = min(width, height) * 0.16
    tile = f'<rect width="{width}" height="{height}" rx="{corner}" fill="url(#sea)"/>'
    if width < 1.4 * height:
        size = 0.72 * height
        return _svg(width, height, tile + _anchor((width - size) / 2, (height - size) / 2, size))
    size = 0.7 * height
    left = height * 0.16
    right = width - height * 0.25
    return _svg(
        width,
        height,
        tile
        + _shares(left + size * 1.02, right, height)
        + _anchor(left, (height - size) / 2, size),
    )


def _lead(x: int, y: int) -> str:
    return (
        f'<g transform="translate({x} {y})"><rect width="150" height="78" rx="12" fill="#fff"/>'
        f'<circle cx="34" cy="39" r="15" fill="{LIGHT}"/>'
        '<rect x="62" y="22" width="66" height="11" rx="5.5" fill="#8fa3bd"/>'
        '<rect x="62" y="44" width="44" height="11" rx="5.5" fill="#c9d5e6"/></g>'
    )


def _manager(x: int, y: int, colour: str) -> str:
    marks = "".join(
        f'<rect x="{96 + 34 * at}" y="56" width="26" height="16" rx="5" fill="{colour}"/>'
        for at in range(4)
    )
    return (
        f'<g transform="translate({x} {y})"><rect width="262" height="116" rx="16" fill="#fff"/>'
        f'<circle cx="50" cy="42" r="17" fill="{colour}"/>'
        f'<path d="M20 92C22 70 34 64 50 64C66 64 78 70 80 92Z" fill="{colour}"/>'
        f'<rect x="96" y="28" width="120" height="13" rx="6.5" fill="#8fa3bd"/>{marks}</g>'
    )


def tour(width: int, height: int) -> str:
    """Leads come in on the left, pass the anchor, and reach three managers in equal numbers."""
    sea = (
        '<defs><linearGradient id="deep" x1="0" y1="0" x2="1" y2="1"><stop stop-color="#1d4278"/>'
        '<stop offset="1" stop-color="#102a4e"/></linearGradient></defs>'
        f'<rect width="{width}" height="{height}" fill="url(#deep)"/>'
        '<circle cx="500" cy="308" r="236" fill="#fff" opacity="0.05"/>'
        '<circle cx="500" cy="308" r="176" fill="#fff" opacity="0.06"/>'
    )
    coming = "".join(
        f'<path d="M252 {y + 39}C330 {y + 39} 330 308 390 308" fill="none" stroke="{PALE}"'
        ' stroke-width="6" stroke-linecap="round" opacity="0.7"/>' + _lead(96, y)
        for y in (130, 269, 408)
    )
    going = "".join(
        f'<path d="M610 308C720 308 720 {y + 58} 838 {y + 58}" fill="none" stroke="{colour}"'
        ' stroke-width="8" stroke-linecap="round"/>' + _manager(838, y, colour)
        for y, colour in ((76, "#5190ff"), (250, "#2fa58f"), (424, "#e08a3c"))
    )
    tile = '<rect x="390" y="198" width="220" height="220" rx="44" fill="url(#sea)"/>'
    return _svg(width, height, sea + coming + going + tile + _anchor(430, 238, 140))


def _draw(browser: Browser, svg: str, width: int, height: int, to: Path) -> None:
    page = browser.new_page(viewport={"width": width, "height": height})
    page.set_content(f"<style>body {{ margin: 0 }} svg {{ display: block }}</style>{svg}")
    page.screenshot(path=to, omit_background=True)
    page.close()


def main() -> None:
    """Draw them all."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for name, (width, height) in SIZES.items():
            _draw(browser, logo(width, height), width, height, IMAGES / f"{name}.png")
        _draw(browser, tour(*TOUR), *TOUR, IMAGES / "tour_1.png")
        browser.close()


if __name__ == "__main__":
    main()

"""Style, scripts and pictures: named by what is in them, so that a browser keeps them for ever."""

from fastapi import APIRouter
from fastapi.responses import FileResponse

from services.console.rendering import STATIC
from services.web.problems import HttpProblem

router = APIRouter()

KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
FILES = {path.name: path for path in STATIC.iterdir() if path.suffix in KINDS}
FOR_EVER = "public, max-age=31536000, immutable"


@router.get("/static/{name}")
async def get_file(name: str) -> FileResponse:
    """One of them."""
    path = FILES.get(name)
    if path is None:
        raise HttpProblem("not-found")
    return FileResponse(path, media_type=KINDS[path.suffix], headers={"cache-control": FOR_EVER})

"""One module per screen. Each has `routes(desk) -> APIRouter`; handlers fetch, present and render, in this order."""

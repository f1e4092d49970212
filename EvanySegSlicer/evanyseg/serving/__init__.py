"""`evanyseg serve`: the engine behind HTTP, for thin clients (`evanyseg.remote`). The only place that imports FastAPI,
uvicorn and pydantic."""

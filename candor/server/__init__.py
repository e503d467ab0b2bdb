"""Server processes and their connections, on top of uvicorn."""

"""The server processes and their connections, on uvicorn."""

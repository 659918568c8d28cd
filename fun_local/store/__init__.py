"""Everything on disk: the queue (SQLite), the executions (TinyDB), the registry and the code (files)."""

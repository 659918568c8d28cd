"""The vendor's own clients, as published, against a live daemon."""

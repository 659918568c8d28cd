"""The daemon's HTTP face: requests in, use cases of the emulator called, answers out."""

"""What exists and what may happen to it. Pure: no files, no clock, no processes."""

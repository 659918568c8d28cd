"""What Huey's consumer imports; the queue's file comes by environment variable."""

import os

from benchmarks.peer import queue_at

huey, _ = queue_at(os.environ["BENCHMARK_HUEY_FILE"], fsync=True)

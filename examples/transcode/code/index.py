"""Turns films into another format. Another program does that; this one starts it and logs its progress."""

import json
import logging
import os
import subprocess
import sys
import tempfile
import time

log = logging.getLogger()

#: Put ffmpeg here: ["ffmpeg", "-progress", "pipe:1", "-i", film, target].
ENCODER = [sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "encoder.py")]


def handler(event, context):
    job = json.loads(event)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        target = os.path.join(scratch, "film.out")
        encode([*ENCODER, job["film"], str(job["seconds"]), target])
        size = os.path.getsize(target)
        # Here the result would be uploaded: what is in the scratch folder is gone with it.
    return {"film": job["film"], "bytes": size, "took": round(time.monotonic() - started, 1)}


def encode(command):
    """Run the encoder to its end; every tenth of the way is a line in the log."""
    shown = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as encoder:
        for line in encoder.stdout:
            percent = int(line.removeprefix("progress="))
            if percent >= shown + 10:
                shown = percent - percent % 10
                log.info("%d %% done", shown)
        complaint = encoder.stderr.read().strip()
    if encoder.returncode:
        raise RuntimeError(f"the encoder gave up ({encoder.returncode}): {complaint}")

import json
import logging
import time

log = logging.getLogger()


def handler(event, context):
    """Works through the steps of a job. Raising an exception makes the run fail, and be retried."""
    job = json.loads(event)
    steps = job.get("steps", 3)
    for step in range(1, steps + 1):
        log.info("step %d of %d", step, steps)
        time.sleep(0.2)  # your work
        if step == job.get("fail_at"):
            raise RuntimeError(f"step {step} went wrong")
    return {"steps": steps}

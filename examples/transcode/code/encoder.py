"""Stands in for ffmpeg, so that the example needs nothing: encoder.py FILM SECONDS TARGET."""

import sys
import time

STEPS = 100


def main(film, seconds, target):
    if not film.endswith(".mov"):
        sys.exit(f"{film}: unknown format")
    with open(target, "wb") as file:
        for step in range(1, STEPS + 1):
            time.sleep(float(seconds) / STEPS)
            file.write(bytes(1024))
            print(f"progress={step}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

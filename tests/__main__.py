"""All checks in one command: format, lint, types, tests. ``python -m tests [pytest options]``.

Ends with the test runner's own summary; fails when any of them does.
"""

import os
import subprocess
import sys

CHECKS = (
    ["ruff", "format", "--check", "--quiet", "."],
    ["ruff", "check", "--quiet", "."],
    ["mypy"],
)


def main() -> int:
    failed = False
    for command in CHECKS:
        done = subprocess.run([sys.executable, "-m", *command], check=False)
        if done.returncode:
            print(f"failed: {' '.join(command)}", flush=True)
            failed = True
    workers = os.environ.get("FUN_LOCAL_TEST_WORKERS", "auto")
    tests = subprocess.run([sys.executable, "-m", "pytest", "-n", workers, *sys.argv[1:]], check=False)
    return tests.returncode or int(failed)


if __name__ == "__main__":
    sys.exit(main())

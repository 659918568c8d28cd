#!/usr/bin/env bash
# What CI runs: deploy into a home of its own, fire the timer, compare the report. Ends with 0 only if all is well.
set -euo pipefail
cd "$(dirname "$0")"

FUN_LOCAL_HOME=$(mktemp -d)
export FUN_LOCAL_HOME FUN_LOCAL_PORT=0 # any free port: other jobs may run on this machine
trap 'fun daemon stop; rm -rf "$FUN_LOCAL_HOME"' EXIT

fun validate
fun deploy -y

# Not at half past two, but now, and with the very event that the timer sends.
id=$(fun invoke --trigger nightly -t Async)
if ! fun executions wait "$id" --timeout 2m; then
    echo "The report failed. Its log:" >&2
    fun executions logs "$id" >&2
    exit 1
fi

fun executions get "$id" --result > report.json
python3 - <<'END'
import json

report, expected = (json.load(open(name)) for name in ("report.json", "expected.json"))
assert report == expected, f"the report says {report}, expected was {expected}"
END
echo "The report is right."

"""What the reference tells that no command says of itself: words of the records, settings, files."""

from __future__ import annotations

from collections.abc import Mapping

from fun_local.model.execution import Status

STATUSES: Mapping[Status, str] = {
    Status.ENQUEUED: "accepted, on disk; waits for its turn",
    Status.DEQUEUED: "its turn has come; an instance is being found or started",
    Status.RUNNING: "an attempt is running",
    Status.RETRYING: "an attempt has failed, the next one is due",
    Status.SUCCEEDED: "the function has returned; final",
    Status.FAILED: "the last attempt has failed; final",
    Status.STOPPING: "a stop was accepted; the process is being ended",
    Status.STOPPED: "it was stopped; final",
    Status.EXPIRED: "it was older than its configuration allows when its turn came; final",
    Status.INVALID: "its function or version was gone when its turn came; final",
}

EXIT_CODES: Mapping[int, str] = {
    0: "done",
    1: "the request could not be carried out: not found, invalid template, conflict, daemon unreachable …",
    2: "wrong usage",
    3: "the function failed: a sync call, or `--wait`/`wait` that did not end as `--expect` says (Succeeded)",
    4: "`--wait`, `wait` or `receive --wait` ran out of its own time",
    130: "interrupted with Ctrl-C (a function under `fun local invoke`: 128 and the signal's number)",
    141: "whoever read the output has stopped reading",
}

SETTINGS: Mapping[str, str] = {
    "max_instances": "processes per function",
    "idle_seconds": "seconds after which an unused process is ended",
    "stop_grace_seconds": "seconds between SIGTERM and SIGKILL",
    "retry_first_seconds": "seconds before the first retry of a function that failed; doubles",
    "retry_cap_seconds": "the longest such wait",
    "throttle_first_seconds": "seconds after an attempt that found no room; doubles",
    "throttle_cap_seconds": "the longest such wait",
    "throttle_limit_seconds": "seconds for which all this is tried",
    "history_days": "days for which records of finished executions are kept",
    "account_id": "what functions and templates see as the account",
    "region": "what functions and templates see as the region",
    "host": "where the endpoint listens: an address of this machine alone",
    "port": "where the endpoint listens; 0 takes any free one",
    "access_key_id": "an access key of your choice; otherwise the home makes its own",
    "access_key_secret": "the secret that belongs to it",
    "insecure_no_auth": "checks no signatures: every program of this machine may do anything",
    "raw_outcomes": "outcomes in queues as JSON text; else in base64, as MNS's SDKs expect",
    "lang": "of messages: `zh` is Chinese, all else English; when unset, as the system says",
}

VARIABLES: Mapping[str, str] = {
    "FUN_LOCAL_HOME": "the home, where everything is kept (default `~/.fun-local`)",
    "FUN_LOCAL_SETTING": "the setting of that name, in capitals: `FUN_LOCAL_PORT`, `FUN_LOCAL_REGION` …",
    "FUN_LOCAL_VERBOSE": "when not empty: tracebacks of errors, as `fun -v`",
    "NO_COLOR": "when not empty: no colours",
}

#: Patterns of names below a home: what is there, and who writes it.
FILES: tuple[tuple[str, str, str], ...] = (
    ("settings.toml", "settings", "you, `fun config set`"),
    ("registry.json", "everything deployed", "the daemon"),
    ("keys.json", "the access key, and the one before it", "the daemon"),
    ("faults.json", "failures on purpose (`fun faults`)", "the daemon"),
    ("queue.db*", "messages, ids in use, MNS queues and topics", "the daemon; `invk` when it has none"),
    ("queue.lock", "held by whoever writes the queue", "both"),
    ("executions/*.json", "200 records each, to be opened with `TinyDB(path)`", "the daemon"),
    ("executions/payloads/*", "events and results over 4 KB", "the daemon"),
    ("code/*", "code, by its content", "`fun deploy`"),
    ("archives/*", "code as it was uploaded, or packed when first asked for", "the daemon"),
    ("destinations/*", "what destinations got that are recorded only", "the daemon"),
    ("instances/*", "a note for each running instance", "the daemon"),
    ("logs/*.log", "what an instance printed", "the instance"),
    ("daemon.log*", "what the daemon has to say (`fun daemon logs`)", "the daemon"),
    ("daemon.lock", "held by the daemon as long as it lives", "the daemon"),
    ("daemon.sock", "where it answers our own commands", "the daemon"),
)

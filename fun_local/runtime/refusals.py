"""Runtimes that can't run on this machine: what each of them lacks, and what to do instead."""

from __future__ import annotations

from fun_local.errors import InvalidRequest

#: Where a runtime's name begins like this: what keeps it from running, and the next step.
_REASONS: tuple[tuple[str, str, str], ...] = (
    (
        "python2",
        "Python 2 is out of service, and Python 3 would hand events over as another type",
        "Move the function to python3.10 or newer.",
    ),
    (
        "java",
        "there is no Java worker, which would load the class that the handler names",
        "Start the same code as a server: runtime custom, with java in CustomRuntimeConfig.Command.",
    ),
    (
        "php",
        "there is no PHP worker, which would load the script that the handler names",
        "Start the same code as a server: runtime custom, with php -S in the file bootstrap.",
    ),
    (
        "dotnet",
        "there is no .NET worker, which would load the assembly that the handler names",
        "Start the same code as a server: runtime custom, with dotnet in CustomRuntimeConfig.Command.",
    ),
    (
        "go",
        "its programs fetch their requests from an interface of the platform's that is missing here",
        "Have the program serve HTTP, and deploy it with runtime custom as the file bootstrap.",
    ),
    (
        "custom-container",
        "its code is an image, and instances are processes here, not containers",
        "Deploy what the image starts with runtime custom: the same HTTP requests reach it.",
    ),
    (
        "micro-sandbox",
        "it needs the vendor's sandbox",
        "Deploy the function with another runtime to try it here.",
    ),
)


def refusal(runtime: str, known: str) -> InvalidRequest:
    """The error for a runtime that nothing runs. ``known`` names those that something does."""
    for prefix, reason, step in _REASONS:
        if runtime.startswith(prefix):
            text = f"runtime {runtime!r} can't run on this machine: {reason}"
            return InvalidRequest("RuntimeNotSupported", text, hint=f"{step} These run here: {known}.")
    text = f"runtime {runtime!r} can't run on this machine: it is not known"
    return InvalidRequest("RuntimeNotSupported", text, hint=f"These run here: {known}.")

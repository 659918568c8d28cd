"""`fun deploy`: from the template in this folder to what is deployed."""

from __future__ import annotations

import sys
from typing import Any

import click

from fun_local import settings
from fun_local.cli import addresses, deployment, output, templates
from fun_local.cli.client import Client
from fun_local.cli.progress import Shown
from fun_local.cli.templates import Given, Loaded
from fun_local.errors import FunLocalError
from fun_local.model.deployed import Deployed
from fun_local.store import registry


@click.command()
@click.argument("resource", required=False)
@templates.options
@click.option(
    "-c", "--only-config", is_flag=True, help="Deploy the configuration; functions keep their code."
)
@click.option("-y", "--assume-yes", is_flag=True, help="Do not ask.")
@click.option("--create-queues", is_flag=True, help="Create destination queues and topics that do not exist.")
@click.option("--watch", is_flag=True, help="Stay, and deploy again whenever a file is saved.")
@output.json_option
def deploy(
    resource: str | None,
    given: Given,
    only_config: bool,
    assume_yes: bool,
    create_queues: bool,
    watch: bool,
    as_json: bool,
) -> None:
    """Deploy the template in this folder, or of it only RESOURCE (a service or a function).

    A stack owns what it deploys: what leaves the template is deleted. Deploying again changes nothing.

    \b
    Examples:
      fun deploy --use-ros --stack-name demo-1 --replace please_replace_me=my-dlq
      fun deploy --stack-name demo-1 -p Memory=256 --create-queues --json
      fun deploy shop/order --only-config
      fun deploy --watch
    """
    if watch and as_json:
        raise click.UsageError("--watch and --json can't go together")
    ask = sys.stdin.isatty() and sys.stdout.isatty() and not assume_yes and not as_json
    once = _Once(given, resource, only_config=only_config, create_queues=create_queues)
    loaded = once.load(ask=ask)
    answer = once.deploy(loaded, ask=ask)
    if as_json:
        output.print_json(deployment.as_json(loaded, answer, once.deployed(), once.base_url(loaded)))
        return
    deployment.show(loaded, answer, with_changes=not ask)
    resources = loaded.resources
    addresses.show(
        once.base_url(loaded),
        once.deployed(),
        [trigger.path for trigger in resources.triggers],
        [domain.name for domain in resources.domains],
    )
    if watch:
        _watch(once, loaded)


class _Once:
    """A deploy that can be repeated."""

    def __init__(self, given: Given, resource: str | None, *, only_config: bool, create_queues: bool) -> None:
        self._home = settings.default_home()
        self._client = Client(self._home)
        self._given = given
        self._resource = resource
        self._flags = {"only_config": only_config, "create_queues": create_queues}

    def load(self, *, ask: bool = False) -> Loaded:
        """Read the template and stage its code. Raises InvalidRequest with all its problems."""
        stage = not self._flags["only_config"]
        loaded = templates.load(self._home, self._given, kind="deploy", ask=ask, stage=stage)
        if ask:
            output.say(f"using template: {loaded.file}", err=True)
        if self._resource is None:
            return loaded
        if loaded.stack:
            output.warn(f"a stack is deployed as a whole: '{self._resource}' is ignored")
            return loaded
        return loaded.only(self._resource)

    def deploy(self, loaded: Loaded, *, ask: bool = False) -> dict[str, Any]:
        """Hand it to the daemon; with ``ask``, once its changes have been seen and agreed to."""
        request: dict[str, Any] = {
            "stack": loaded.stack,
            "resources": loaded.resources.to_dict(),
            **self._flags,
        }
        if ask:
            planned = self._client.call("deploy", dry_run=True, **request)
            if not planned["unchanged"]:
                deployment.print_changes(planned)
                output.confirm("Deploy this?", default=True)
        with Shown("deploying"):
            answer: dict[str, Any] = self._client.call("deploy", dry_run=False, **request)
        return answer

    def deployed(self) -> Deployed:
        """What is there now."""
        return registry.read(self._home)

    def base_url(self, loaded: Loaded) -> str:
        """Where functions are called by HTTP, if any of the template's is."""
        is_web = loaded.resources.domains or any(t.type == "http" for t in loaded.resources.triggers)
        return addresses.base_url(self._client) if is_web else ""


def _watch(once: _Once, loaded: Loaded) -> None:
    """Deploy again at every change, until interrupted. A template that is no good meanwhile is shown."""
    from fun_local.local.sources import Sources

    with Sources(settings.default_home(), loaded.sources) as sources:
        output.say("\nWatching for changes; Ctrl-C ends it.", err=True)
        told = ""
        while True:
            sources.wait()
            try:
                loaded = once.load()
                sources.follow(loaded.sources)
                answer = once.deploy(loaded)
            except FunLocalError as error:
                if error.message != told:  # a build changes many files, and is no news until it has ended
                    output.print_error(error, as_json=False)
                told = error.message
                continue
            told = ""
            if not answer["unchanged"]:
                deployment.print_changes(answer, only_changed=True)

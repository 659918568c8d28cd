"""`fun package`: the archives that would be uploaded, and a template that is deployed from them."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from fun_local import settings
from fun_local.cli import output, templates
from fun_local.cli.templates import Given

if TYPE_CHECKING:
    from fun_local.template.code import CodeSource


@click.command()
@click.argument("resource", metavar="[SERVICE|[SERVICE/]FUNCTION]", required=False)
@click.option(
    "-d",
    "--output-dir",
    type=click.Path(file_okay=False),
    metavar="DIR",
    help="Where archives go (default: .fun/package).",
)
@click.option(
    "-o",
    "--output-template-file",
    "output_template",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="The template that leads to them (default: template.packaged.yml).",
)
@click.option("-b", "--oss-bucket", help="Funcraft's; the archives stay on this machine.")
@click.option("-y", "--assume-yes", is_flag=True, hidden=True, help="Funcraft's; nothing is asked here.")
@templates.options
@output.json_option
def package(
    resource: str | None,
    output_dir: str | None,
    output_template: str | None,
    oss_bucket: str | None,
    assume_yes: bool,
    given: Given,
    as_json: bool,
) -> None:
    """Write the archive of each function's code, as it would be uploaded: without what .funignore leaves out.

    It also writes a template that takes the code from the archives; fun deploy takes that one from then on,
    and says so when the code has changed since. Of one function or service, and of s.yaml, only the archives
    are made.

    \b
    Examples:
      fun package
      fun package -o release/template.yml -d release
      fun package shop/order -d /tmp --json | jq -r '.packages[].path'
    """
    from fun_local.build import packaging, project
    from fun_local.template.built import PACKAGED, PACKAGES
    from fun_local.template.merge import load_all

    home = settings.default_home()
    sources: list[CodeSource] = []

    def keep(source: CodeSource) -> str:
        sources.append(source)
        return str(len(sources) - 1)

    loaded = templates.load(home, replace(given, use_ros=False), kind="package", keep=keep)
    output.hint(f"using template: {loaded.file}")
    for warning in loaded.resources.warnings:
        output.warn(warning)
    if oss_bucket:
        output.warn(f"--oss-bucket {oss_bucket}: nothing is uploaded here, the archives stay on disk")
    document = load_all([loaded.file])
    functions = (loaded.only(resource) if resource else loaded).resources.functions
    folder = output_dir or PACKAGES
    template = "" if resource or project.is_foreign(document) else output_template or PACKAGED
    if output_template and not template:
        raise click.UsageError("--output-template-file goes with a whole template of Funcraft's or ROS'")
    without = [path for path in (home, folder, template) if path]
    noted = packaging.stamps_now(document, functions, sources, without=without)
    done = packaging.package(functions, sources, folder, without=without)
    if template:
        packaging.write_template(document, template, done, functions, sources)
        if os.path.basename(template) == PACKAGED:
            packaging.note_stamps(template, noted)
    if as_json:
        packages = [
            {
                "function": d.function,
                "path": os.path.abspath(d.package.path),
                "files": d.package.files,
                "bytes": d.package.bytes,
                "md5": d.package.md5,
            }
            for d in done
        ]
        output.print_json({"packages": packages, "template": os.path.abspath(template) if template else ""})
        return
    rows = [
        [d.function, str(d.package.files), str(d.package.bytes), d.package.md5, d.package.path] for d in done
    ]
    output.print_table(("FUNCTION", "FILES", "BYTES", "MD5", "PATH"), rows)
    if template:
        output.hint(f"Next: fun deploy -t {template}")

"""New projects out of project templates: what `fun init` does, without the terminal.

A project template is a folder with `template.toml` (description, variables, the commands to try next) and
`files/` (the project itself; `{{ variable }}` in its texts and file names is filled in).

    variables.py   what a project template asks for, and what is a good answer (pure)
    rendering.py   filling in (pure)
    source.py      reading a project template: one of ours, or a folder
    writing.py     putting the project on the disk: all of it or nothing
"""

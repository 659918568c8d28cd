"""Code with the dependencies that it names: what `fun build`, `fun install` and `fun package` do.

project.py     the folders of a template's functions, and building them
artifacts.py   .fun/build/artifacts: replaced as a whole or not at all
beside.py      installing into the code's own folder
packaging.py   the archives that would be uploaded, and their template
relocation.py  a template that is moved to another folder (pure)

installers.py  which of the two installs what a function's folder asks for
pip.py, npm.py the two; requirements.py and manifest.py read the files that say what
tools.py       running programs: what they say, how they fail, how they are interrupted
"""

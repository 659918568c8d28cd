"""What a custom runtime is started with (runtime.md 2.11, 4.1)."""

import pytest

from fun_local.model.resources import Function
from fun_local.runtime import custom_program

CODE = "/home/me/code"


def custom(**options):
    return Function("shop", "order", options.pop("runtime", "custom"), "index.handler", "0", **options)


@pytest.mark.parametrize(
    ("word", "here"),
    [
        ("/code", CODE),
        ("/code/bin/server", f"{CODE}/bin/server"),
        ("--root=/code", f"--root={CODE}"),
        ("cd /code && ./run", f"cd {CODE} && ./run"),
        ("/code:/code/lib", f"{CODE}:{CODE}/lib"),
        ("/code-other", "/code-other"),
        ("/codes", "/codes"),
        ("/my/code", "/my/code"),
        ("my/code", "my/code"),
        ("9000", "9000"),
    ],
)
def test_the_code_folder_is_put_where_a_command_names_it(word, here):
    function = custom(custom_command=("run",), custom_args=(word,))
    assert custom_program.command(function, CODE) == ("run", here)


def test_arguments_alone_are_a_command():
    assert custom_program.command(custom(custom_args=("a", "b")), CODE) == ("a", "b")


@pytest.mark.parametrize(
    ("given", "path"), [({}, CODE), ({"PYTHONPATH": "/code/lib:/opt/x"}, f"{CODE}/lib:/opt/x")]
)
def test_modules_are_looked_for_in_the_code_or_where_the_function_says(given, path):
    base = {"PYTHONPATH": "of the daemon", "FC_REGION": "r"}
    found = custom_program.environment(base, custom(environment=given), CODE, 5)
    assert found == {
        "PYTHONPATH": path,
        "FC_REGION": "r",
        "FC_SERVER_PORT": "5",
        "FC_CUSTOM_LISTEN_PORT": "5",
    }


def test_what_was_built_for_it_is_found_after_its_own_modules(tmp_path):
    site = tmp_path / ".fun" / "python" / "lib" / "python3.11" / "site-packages"
    site.mkdir(parents=True)
    found = custom_program.environment({}, custom(), str(tmp_path), 5)
    assert found["PYTHONPATH"] == f"{tmp_path}:{site}"


def test_a_function_without_an_initializer_has_no_header_that_names_one():
    names = [name for name, _ in custom_program.headers(custom(), {"FC_REGION": "r", "FC_ACCOUNT_ID": "1"})]
    assert not [name for name in names if "initiali" in name or "lifecycle" in name]
    assert len(names) == len(set(names))

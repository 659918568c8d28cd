"""Where a function's programs, libraries and modules are looked for."""

from fun_local.runtime.search_paths import search_paths


def test_libraries_are_looked_for_in_the_code_folder_first():
    found = search_paths("/here", {"LD_LIBRARY_PATH": "/mine"}, has_installed=False)
    assert found == {
        "LD_LIBRARY_PATH": "/here:/here/lib:/usr/local/lib:/mine",
        "PYTHONUSERBASE": "/here/.fun/python",
    }


def test_the_path_is_as_it_was_where_nothing_is_installed():
    path = "/a:/b:/a::/code-x"
    assert search_paths("/here", {"PATH": path}, has_installed=False)["PATH"] == path


def test_what_is_installed_in_the_code_folder_comes_before_the_rest():
    found = search_paths("/here", {"PATH": "/bin"}, has_installed=True)
    programs = found["PATH"].split(":")
    assert programs[-1] == "/bin"
    assert {"/here/.fun/python/bin", "/here/.fun/root/usr/bin", "/here/.fun/node_modules/.bin"} < set(
        programs
    )
    libraries = found["LD_LIBRARY_PATH"].split(":")
    assert libraries[:3] == ["/here", "/here/lib", "/usr/local/lib"]
    assert "/here/.fun/root/usr/lib" in libraries
    assert found["NODE_PATH"].startswith("/here/.fun/node_modules:")


def test_paths_under_code_lead_to_where_the_code_is():
    """Funcraft sends them along with a function (wire 1.13)."""
    sent = {
        "PATH": "/code/.fun/python/bin:/bin:/codes",
        "LD_LIBRARY_PATH": "/code",
        "NODE_PATH": "/code/node_modules",
        "PYTHONUSERBASE": "/code/.fun/python",
        "OTHER": "/code/x",
    }
    found = search_paths("/here", sent, has_installed=False)
    assert found["PATH"] == "/here/.fun/python/bin:/bin:/codes"
    assert found["LD_LIBRARY_PATH"].endswith(":/here")
    assert (found["NODE_PATH"], found["PYTHONUSERBASE"]) == ("/here/node_modules", "/here/.fun/python")
    assert "OTHER" not in found

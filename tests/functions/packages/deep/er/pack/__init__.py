raise RuntimeError("a package is located, not run")

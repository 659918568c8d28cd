raise RuntimeError("the standard library's string is meant")

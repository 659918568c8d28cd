raise RuntimeError("the standard library's token is meant")

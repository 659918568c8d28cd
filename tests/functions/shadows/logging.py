raise RuntimeError("the standard library's logging is meant")

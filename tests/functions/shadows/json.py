raise RuntimeError("the standard library's json is meant")

raise RuntimeError("the standard library's traceback is meant")

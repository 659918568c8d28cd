raise RuntimeError("not in the mood")

int("many")

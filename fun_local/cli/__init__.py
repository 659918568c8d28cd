"""The commands `fun` and `invk`, as people see them."""

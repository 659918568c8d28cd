"""Functions that do what nobody expects, and what must come of them (integration/test_odd_functions.py)."""

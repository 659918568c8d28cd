"""The part of the Object Storage Service's API that uploads of code need: buckets and whole objects.

signature.py   what a request is about, and its proof
serving.py     the operations; errors are OSS's own XML (http/refusals.py)
"""

from fun_local.http.oss.serving import Api

__all__ = ["Api"]

"""The project's vectors, Tests/Vectors. SRUP_VECTORS names another folder of the same form."""

import json
import os
from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

FOLDER = Path(os.environ.get("SRUP_VECTORS") or Path(__file__).resolve().parents[3] / "Tests/Vectors")


@lru_cache(None)
def load(name):
    """The JSON of a file of vectors."""
    return json.loads((FOLDER / name).read_text())


@lru_cache(None)
def private_key(name):
    """A test key. They are public, so nothing may trust them."""
    return load_pem_private_key((FOLDER / f"keys/{name}.pkcs8.pem").read_bytes(), None)


@lru_cache(None)
def public_key(name):
    """The public half of a test key."""
    return load_pem_public_key((FOLDER / f"keys/{name}.pub.pem").read_bytes())

"""A reference device for SRUP: enrol, join, prove the value to a beacon, act as a member. See README.md."""

__version__ = "0.1.0"

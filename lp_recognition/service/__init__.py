"""Plates over HTTP: an application that known clients speak to, and the processes that find and read."""

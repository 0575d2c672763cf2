"""Corners, boxes and the maps between them."""

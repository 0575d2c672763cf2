"""Videos and cameras: frames in, one event a passing plate out, kept and delivered."""

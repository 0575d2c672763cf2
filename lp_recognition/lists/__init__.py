"""Lists of labelled images: reading, writing, checking, splitting, converting."""

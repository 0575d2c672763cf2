"""What is right for each cell of a detector: the columns of one array for each picture, float32 `(cells, TARGETS)`.

Offsets are those of `boxes.cells`: from the cell's middle, in strides. The processes that prepare batches write the
array and the loss reads it, so it stands where neither has to import the other.
"""

from __future__ import annotations

#: Whether the cell has a plate; whether it is neither right nor wrong; whether all plates of its picture are known;
#: how much its corners count; the plate's height in strides; its box (left, top, right, bottom) and its corners
#: (x, y, ...), both as offsets.
HAS_PLATE, UNDECIDED, COMPLETE, CORNER_WEIGHT, HEIGHT, BOX, CORNERS = 0, 1, 2, 3, 4, slice(5, 9), slice(9, 17)
TARGETS = 17

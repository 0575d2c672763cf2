"""Pictures: reading, preparing, augmenting, comparing, drawing on them."""

"""From symbols to class indices and from logits to texts."""

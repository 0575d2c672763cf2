"""One training loop for any task, and the tasks."""

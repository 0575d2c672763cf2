"""The commands beside the workflow: `python -m lp_recognition.tools.<name>`, or `utils.<name>` in a clone."""

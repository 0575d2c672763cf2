"""What finds and reads the plates of requests: what is asked and answered, and who does it."""

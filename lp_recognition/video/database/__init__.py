"""What is kept of the plates that pass: a database on SQLite or PostgreSQL, and pictures in a folder beside it."""

"""The history of the tables: alembic's migrations, each a module with the names that alembic asks for.

A new one names its predecessor as `down_revision`, and changes no older one. Databases are only upgraded.
"""

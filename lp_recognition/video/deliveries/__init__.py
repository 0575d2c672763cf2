"""Events brought to files, web addresses and brokers: at least once, in order, from the outbox of the database."""

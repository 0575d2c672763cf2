"""Pictures in, plates out, with the light install alone."""

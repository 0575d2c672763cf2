"""What a person sees of the service."""

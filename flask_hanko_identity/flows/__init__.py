"""Use cases: each is one thing that a person or a client does, in one transaction."""

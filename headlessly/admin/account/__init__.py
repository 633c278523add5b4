"""A person's own account: how they sign in, from which browsers, and how it is secured."""

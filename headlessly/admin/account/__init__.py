"""One's own account: how one gets in, from which browsers, and how that is made safer."""

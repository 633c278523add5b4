"""Background work that need not happen before the response: jobs and the workers that run them."""

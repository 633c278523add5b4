"""Work that need not happen before the answer: jobs and the workers that do them."""

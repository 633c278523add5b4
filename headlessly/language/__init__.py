"""Words, numbers and days in the reader's language. Knows nothing of nouns."""

"""How words and numbers are said in a reader's language. Knows nothing of nouns."""

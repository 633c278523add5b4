"""What a tenant adds to the nouns: fields of its own, as if they had been declared, and lists of values."""

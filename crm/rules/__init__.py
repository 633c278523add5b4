"""What rules do, a module a kind."""

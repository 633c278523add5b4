"""What rules do, with a module or package for each kind."""

"""``python -m headlessly``: the command line."""

from headlessly.client.commands import main

if __name__ == "__main__":
    main()

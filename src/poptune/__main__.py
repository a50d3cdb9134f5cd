"""`python -m poptune` is `poptune`."""

from poptune.cli import main

if __name__ == "__main__":
    main()

"""`python -m homerun`: the command line, where its script is not on the PATH."""

from homerun.cli import main

if __name__ == "__main__":
    main()

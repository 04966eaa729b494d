"""`python -m bench`. Workers import this file again under another name: nothing is imported unless it is the program."""

if __name__ == "__main__":
    import sys
    from pathlib import Path

    # `python -m` puts the current folder first, where a folder of the user's own named `metrics`, say, would hide ours.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    from bench.cli.app import main

    main()

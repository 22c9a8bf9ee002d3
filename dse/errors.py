"""The one error that a person at the keyboard can mend."""


class InputError(ValueError):
    """Something given to `dse` is wrong: a call, a folder, a file.

    The message is one line: what is wrong, in which file or word, and what to do.
    The command line prints it and ends with exit code 2; in Python it is a `ValueError`.

    Example:
        >>> from dse import InputError
        >>> str(InputError("unknown text encoder 'lstm': choose one of bag-of-words, word2vec"))
        "unknown text encoder 'lstm': choose one of bag-of-words, word2vec"
    """

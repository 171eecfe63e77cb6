"""The one exception that users are meant to read."""


class CscError(ValueError):
    """A problem with the input or the settings, told in one plain sentence.

    The message names what is wrong and what to do; the command line prints it and the viewer shows
    it as a notification, both without a traceback.
    """

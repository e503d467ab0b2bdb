"""The exception by which a fast way leaves work to the next slower one."""


class HandOn(Exception):
    """This value, argument, field or operation is left to the next slower way. It is no error."""

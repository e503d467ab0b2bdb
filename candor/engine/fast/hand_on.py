"""The fast way's one word for "not me": whatever raises it is done by graphql-core instead."""


class HandOn(Exception):
    """This value, argument, field or operation is left to graphql-core. It is no fault."""

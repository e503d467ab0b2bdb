"""Hot queries answered straight from rows, by generated code.

A query knows its statement and its bounds, the field expressions what fields are in terms of
columns, and the code generator puts the two together for the fields that an operation asks for.
Whatever they do not know is handed on.
"""

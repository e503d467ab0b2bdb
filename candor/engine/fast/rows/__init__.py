"""Hot queries answered straight from rows, by generated code.

A question knows its statement and its bounds, the recipes what fields are in terms of columns,
and the writer puts the two together for the fields that an operation asks for. Whatever they do
not know they refuse, and the operation is executed as every other is. No other module knows how
it is done; all that can be seen of it is the time that it takes.
"""

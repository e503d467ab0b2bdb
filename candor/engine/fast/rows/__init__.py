"""Row answers: hot queries answered from the rows of one statement, by generated code.

A query knows its statement and its limits, field expressions define fields in terms of columns,
and the code generator combines both for the fields that an operation selects. Everything that they
do not cover is handed on.
"""

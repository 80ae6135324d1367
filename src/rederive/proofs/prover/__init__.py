"""Proves gradients for arrays of every size at once.

An entry of an array is an expression in index notation; an index knows the range it runs over. Two entries are equal
if their normal forms agree (`prove`). Arrays of symbolic shape (`array`) let the unmodified code of an operation
compute such entries.
"""

"""How each kind of document is read: pieces of plain text, and a count of what was hidden in it."""

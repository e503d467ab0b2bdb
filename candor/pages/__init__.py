"""Pages of our own for people who come by a link of a mail, when the shop has none for them."""

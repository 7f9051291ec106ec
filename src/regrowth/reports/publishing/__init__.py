"""What goes out with data: what people state of them, the card, the Croissant description, the signed manifest."""

"""What everything speaks: records, datasets, the store of effects, `each` and `grow`, the extension points, the errors."""

"""What everything speaks: records, datasets, the store of effects, `each` and `grow`, extension points, errors."""

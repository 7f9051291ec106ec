"""The parts of `seeds.taxonomy`: YAML that knows its lines, the rules of each version, leaves, reading and writing."""

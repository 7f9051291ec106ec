"""Which records hold items of benchmarks that are to be measured on later."""

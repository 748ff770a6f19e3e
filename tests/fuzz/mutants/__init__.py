"""Mutants of the SDK and the mock, and the mutation test that shows that the fuzzer finds each of them."""

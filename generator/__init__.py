"""The generator: it checks the contract and writes generated/ from it, with two public generators."""

"""Is the SDK right whatever it is answered? Replies of the contract, mutated replies, and whole stories."""

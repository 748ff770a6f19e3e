"""Does a service keep the contract, whatever it is asked? The mock in this process, or any service behind a URL."""

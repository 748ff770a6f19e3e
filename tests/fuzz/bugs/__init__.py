"""Would the fuzzer notice? Deliberate bugs of the mock and the SDK, one a file, and the proof that they are found."""

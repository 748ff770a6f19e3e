"""The resources of `AsyncToastCompute`, written by hand. Their sync variant, `toast_compute.resources`, is derived."""

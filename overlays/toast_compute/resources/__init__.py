"""The resources of `ToastCompute`, derived from `toast_compute.aio`."""

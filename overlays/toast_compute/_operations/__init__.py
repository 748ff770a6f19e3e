"""The operations behind the methods of the resources, written once for the sync and the async variant."""

"""Do machines that try everything find anything in the service, the mock and the SDK?"""

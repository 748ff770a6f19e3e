"""Which methods does each part of the service have?"""

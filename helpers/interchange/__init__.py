"""How does a volume leave for other programs?"""

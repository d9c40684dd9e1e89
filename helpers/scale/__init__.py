"""How does a collection that fits in no memory get the same answers?"""

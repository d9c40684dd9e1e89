"""How do the pages leave as a report?"""

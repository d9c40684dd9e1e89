"""What is labelled, and where does it lie on the pictures?"""

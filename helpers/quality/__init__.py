"""What is wrong, and what does it do to a picture or a number?"""

"""What are the values of one image?"""

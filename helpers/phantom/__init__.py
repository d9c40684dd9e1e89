"""What does a collection look like whose every answer is known?"""

"""What does every header say?"""

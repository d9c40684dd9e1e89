"""What here could identify a person?"""

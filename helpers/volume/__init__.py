"""What are the voxels of a stack, and where are they?"""

"""How do slices enter fastai?"""

"""How do the pages leave: as a report, as Kaggle kernels?"""

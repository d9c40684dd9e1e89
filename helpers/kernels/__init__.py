"""How do the pages leave as notebooks for Kaggle and Colab?"""

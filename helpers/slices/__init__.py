"""Where does every image belong?"""

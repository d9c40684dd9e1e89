"""Which files are here, on a disk, in an archive or in a bucket, and what are their bytes?"""

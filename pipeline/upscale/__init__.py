"""A person's own photos through any method: `python -m pipeline upscale`.

models    the method that was asked for, found among what was trained, what was fetched, and files
places    which photo becomes which file
photo     what a photo file holds, and the same kept in what is written
tiled     a photo tile by tile through a method, in the memory of the result
command   photo after photo
"""

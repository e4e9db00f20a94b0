"""Private modules of TensorFlow 1.15 that scripts import and today's TensorFlow lacks.

``finder.MOVED`` gives the path that each has in 1.15.
"""

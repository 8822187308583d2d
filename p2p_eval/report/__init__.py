"""The HTML report: one self-contained page of what the score files in a folder say.

:mod:`document` reads JSON that nobody has checked, :mod:`read` collects the score files, and
:mod:`page` writes them as a page from the tables of :mod:`tables`, the plots of :mod:`figures` and
the images of :mod:`triplets`. No metric is computed here.
"""

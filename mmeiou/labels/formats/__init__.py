"""The formats of labels and detections, one module each.

A module of labels has ``read(source, ...)``, which takes a :class:`mmeiou.labels.source.Source` and
gives a :class:`mmeiou.labels.records.LabelSet`; where the project writes a format, ``write``.

Why by hand: of the libraries that read the same files, supervision 0.31 drops the landmarks of
COCO's json and says of a bad number neither file nor entry; datumaro 1.13 refuses COCO's keypoints
without a skeleton, and names no entry either.
"""

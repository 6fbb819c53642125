"""The formats of labels and detections, one module each.

A module of labels has ``read(source, ...)``, which takes a :class:`mmeiou.labels.source.Source` and
gives a :class:`mmeiou.labels.records.LabelSet`; where the project writes a format, ``write``.
"""

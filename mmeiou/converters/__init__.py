"""Labels of other formats to the COCO-keypoints json that ``mmeiou.CocoKeypointDataset`` reads.

Plain Python, numpy, OpenCV and Pillow: nothing here imports torch or MMDetection. One module a
format, each with a ``read_*`` that takes a :class:`mmeiou.converters.source.Source` and gives a
:class:`mmeiou.converters.labels.LabelSet`; :mod:`mmeiou.converters.coco_json` writes it.
"""

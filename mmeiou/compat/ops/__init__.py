"""What MMCV needs where it comes without compiled ops, and only MMCV.

- :mod:`mmeiou.compat.ops.stand_ins`: takes the place of MMCV's compiled module.
- :mod:`mmeiou.compat.ops.torchvision_kernels`: faster on a GPU, where torchvision is installed.
- The others: the ops themselves, in PyTorch. NMS, which the detectors of
  :mod:`mmeiou.apis` use, too, is in :mod:`mmeiou.functional.nms`.
"""

"""MMDetection's visualizer for faces."""

from typing import Any

import numpy as np
from mmdet.structures.bbox import get_box_tensor
from mmdet.visualization import DetLocalVisualizer
from mmengine.structures import InstanceData
from numpy.typing import NDArray

from mmeiou.registry import VISUALIZERS
from mmeiou.visualization.faces import draw_faces


@VISUALIZERS.register_module()
class FaceVisualizer(DetLocalVisualizer):
    """Draws boxes, scores and landmarks (``keypoints``) by :func:`mmeiou.visualization.draw_faces`.

    It is MMDetection's ``DetLocalVisualizer`` otherwise. The options of its style (``bbox_color``,
    ``line_width``, ...) are refused, because they would have no effect.

    Args:
        name: Name of the instance.
        image: RGB picture to begin with.
        vis_backends: Configs of where pictures and scalars are kept.
        save_dir: Folder of those.
    """

    def __init__(
        self,
        name: str = "visualizer",
        image: NDArray[np.uint8] | None = None,
        vis_backends: list[dict[str, Any]] | None = None,
        save_dir: str | None = None,
    ) -> None:
        super().__init__(name=name, image=image, vis_backends=vis_backends, save_dir=save_dir)

    def _draw_instances(
        self,
        image: NDArray[np.uint8],
        instances: InstanceData,
        classes: Any,  # noqa: ARG002 - faces need no name
        palette: Any,  # noqa: ARG002
    ) -> NDArray[np.uint8]:
        """Draw predictions, or ground truth without scores, on an RGB picture."""

        def array(field: str) -> Any:
            return instances[field].cpu().numpy() if field in instances else None

        bboxes = get_box_tensor(instances.bboxes).cpu().numpy()
        bgr = image[..., ::-1]
        return draw_faces(bgr, bboxes, array("scores"), array("keypoints"))[..., ::-1]

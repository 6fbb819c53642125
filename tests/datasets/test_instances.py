import copy
import pickle

import numpy as np
import pytest
from mmdet.datasets.transforms import LoadAnnotations as MMDetLoadAnnotations

from mmeiou.datasets.instances import LazyInstances
from mmeiou.datasets.transforms import LoadAnnotations
from mmeiou.labels import ImageLabels

DICTS = [
    {"bbox": [1, 2, 3, 4], "bbox_label": 0, "ignore_flag": 0, "keypoints": [[5, 6, 1]]},
    {"bbox": [2, 2, 9, 8], "bbox_label": 1, "ignore_flag": 1, "keypoints": [[0, 0, 0]]},
]


def record(num_keypoints=1):
    points = np.array([d["keypoints"] for d in DICTS])
    return ImageLabels(
        "a.jpg",
        None,
        bboxes=np.array([d["bbox"] for d in DICTS], dtype=np.float64),
        labels=np.array([d["bbox_label"] for d in DICTS]),
        ignore=np.array([False, True]),
        keypoints=points if num_keypoints else np.zeros((2, 0, 3)),
    )


def faces(*, keypoints=True):
    return LazyInstances(record(), 1 if keypoints else None)


def test_reads_like_a_list():
    made = faces()
    assert made == DICTS
    assert made == faces()
    assert made != DICTS[:1]
    assert list(made) == DICTS
    assert (made[1], made[-2:], len(made)) == (DICTS[1], DICTS, 2)
    assert repr(made) == repr([*made])
    assert "keypoints" not in faces(keypoints=False)[0]
    for same in (copy.copy(made), copy.deepcopy(made), pickle.loads(pickle.dumps(made))):  # noqa: S301
        assert same == DICTS


def test_writes_like_a_list():
    made = faces()
    made.append(DICTS[0])
    del made[0]
    made[0] = {**made[0], "ignore_flag": 0}
    assert made == [{**DICTS[1], "ignore_flag": 0}, DICTS[0]]
    made.clear()
    assert (made == [], len(made)) == (True, 0)


def test_landmarks_that_the_record_lacks_have_no_weight():
    made = LazyInstances(record(0), 2)
    assert [one["keypoints"] for one in made] == [[[0, 0, 0]] * 2] * 2
    assert [one["keypoints"] for one in LazyInstances(record(0), 0)] == [[], []]
    with pytest.raises(ValueError, match=r"1 landmarks of a.jpg, not 2"):
        LazyInstances(record(), 2)


def test_arrays_are_those_of_the_record():
    made = faces()
    assert (made.bboxes.dtype, made.keypoints.dtype) == (np.float32, np.float32)
    assert made.labels.tolist() == [0, 1]
    assert made.ignore.tolist() == [False, True]


def test_who_has_looked_into_the_dicts_may_have_changed_them():
    made = faces()
    assert len(made) == 2
    assert made.any_countable()
    assert made.untouched
    next(iter(made))
    assert not made.untouched


def test_countable_faces():
    made = faces()
    assert made.any_countable()
    del made[0]
    assert not made.any_countable()


@pytest.mark.parametrize("box_type", ["hbox", None])
def test_loads_the_same_from_arrays_and_dicts(box_type):
    options = {"with_bbox": True, "box_type": box_type}
    fast, slow = (
        LoadAnnotations(with_keypoints=True, **options)({"instances": instances})
        for instances in (faces(), DICTS)
    )
    theirs = MMDetLoadAnnotations(**options)({"instances": faces()})
    for key in ("gt_bboxes", "gt_bboxes_labels", "gt_ignore_flags", "gt_keypoints"):
        values = [results[key] for results in (fast, slow, theirs) if key in results]
        assert len({type(value) for value in values}) == 1
        values = [value.numpy() if hasattr(value, "numpy") else value for value in values]
        for value in values[1:]:
            assert value.dtype == values[0].dtype
            np.testing.assert_array_equal(value, values[0])


def test_changed_dicts_are_loaded_and_arrays_stay_whole():
    made = faces()
    loaded = LoadAnnotations(with_bbox=True, with_keypoints=True)({"instances": made})
    loaded["gt_bboxes"].translate_((5, 5))
    loaded["gt_keypoints"][:] = 9
    loaded["gt_ignore_flags"][:] = True
    LoadAnnotations(with_bbox=True, box_type=None)({"instances": made})["gt_bboxes"][:] = 9
    assert made == DICTS
    made[0]["bbox"] = [0, 0, 7, 7]
    loaded = LoadAnnotations(with_bbox=True)({"instances": made})
    assert loaded["gt_bboxes"].numpy()[0].tolist() == [0, 0, 7, 7]


def test_landmarks_that_are_not_there():
    load = LoadAnnotations(with_bbox=True, with_keypoints=True)
    with pytest.raises(KeyError, match="no 'keypoints' for its instances"):
        load({"instances": faces(keypoints=False)})

# Pascal VOC 2007 and 2012: trained on both trainval sets, evaluated on 2007's test.
_base_ = "./voc07.py"
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type="ConcatDataset",
        ignore_keys=["dataset_type"],  # the year, which ConcatDataset would want to be the same
        datasets=[
            dict(
                type="VOCDataset",
                data_root="{{$MMEIOU_VOC:data/VOCdevkit/}}",
                ann_file=f"{year}/ImageSets/Main/trainval.txt",
                data_prefix=dict(sub_data_root=f"{year}/"),
                filter_cfg=dict(filter_empty_gt=True, min_size=32, bbox_min_size=32),
                pipeline={{_base_.train_pipeline}},
            )
            for year in ("VOC2007", "VOC2012")
        ],
    )
)

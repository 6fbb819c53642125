"""Distillation: how far a student's scores are from a teacher's, prior by prior.

A prior's score is ``s = sigmoid(cls) * sigmoid(obj)``, what detections are ranked by. The two
branches are compared by their product alone: the classification branch of YuNet is trained on
matched priors only, so that elsewhere its output by itself means nothing.
"""

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid


def log_scores(cls: Tensor, obj: Tensor) -> tuple[Tensor, Tensor]:
    r"""Logarithms of the score and of its complement, exact where either underflows.

    With logits :math:`a` and :math:`b`, :math:`1 - s = (e^{-a} + e^{-b} + e^{-a-b})\, s`.

    Args:
        cls: Logits.
        obj: Logits, broadcastable against ``cls``.

    Returns:
        ``log s`` and ``log(1 - s)``, of the broadcast shape.
    """
    log_score = logsigmoid(cls) + logsigmoid(obj)
    return log_score, log_score + (-cls).logaddexp(-obj).logaddexp(-cls - obj)


def score_divergence(cls: Tensor, obj: Tensor, teacher_cls: Tensor, teacher_obj: Tensor) -> Tensor:
    r"""Kullback-Leibler divergence of a student's scores from a teacher's.

    Hinton, Vinyals and Dean, arXiv 1503.02531, for scores that are not exclusive and at a
    temperature of 1: with the teacher's score :math:`q` and the student's :math:`s`,

    .. math:: q \log(q / s) + (1 - q) \log((1 - q) / (1 - s)).

    Its gradient is that of the cross-entropy, its least value 0, where the scores are equal.

    Args:
        cls: ``(..., num_classes)`` logits of the student.
        obj: ``(...)`` objectness logits of the student.
        teacher_cls: Those of the teacher, of the same shapes; no gradient flows into them.
        teacher_obj: Likewise.

    Returns:
        ``(..., num_classes)``.

    Example:
        >>> sure, even = torch.tensor([40.0]), torch.tensor(0.0)
        >>> score_divergence(sure, even, sure, even)  # 0.5 against 0.5
        tensor([0.])
    """
    log_s, log_rest = log_scores(cls, obj.unsqueeze(-1))
    with torch.no_grad():
        log_q, log_other = log_scores(teacher_cls, teacher_obj.unsqueeze(-1))
        q, other = log_q.exp(), log_other.exp()
    return q * (log_q - log_s) + other * (log_other - log_rest)


@torch.no_grad()
def teacher_weights(cls: Tensor, obj: Tensor, score_thr: float) -> Tensor:
    """How much a teacher's boxes and landmarks count: its best score, or 0 below a threshold.

    Args:
        cls: ``(..., num_classes)`` logits.
        obj: ``(...)`` objectness logits.
        score_thr: Smallest score that counts.

    Returns:
        ``(...)``.
    """
    scores = cls.sigmoid().amax(dim=-1) * obj.sigmoid()
    return torch.where(scores >= score_thr, scores, 0)

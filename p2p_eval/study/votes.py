"""One answer of one person, however it was collected."""

from __future__ import annotations

from dataclasses import dataclass

from p2p_eval.study.plan import Side

__all__ = ["Vote"]


@dataclass(frozen=True, slots=True)
class Vote:
    """An answer to one trial.

    Attributes:
        participant: Who; an opaque id.
        session: Which session of the plan, or the assignment of a web service.
        algorithm: Whose image was the fake one.
        trial: From 1, practice included.
        practice: Whether it does not count.
        real: Where the real image was.
        answer: The side that was called fake, or None where none was given ("unset").
        real_image: What the real image was.
        fake_image: What the fake one was.
        order: Of sessions of one participant, the lowest was first: a time in seconds, or a number.
        response_ms: From the end of the images to the answer, or None.
        shown_ms: How long the images were seen on the screen, left and right, or None.
        dropped_frames: While they were shown, or None.
        lost_focus: Whether the window lost it while they were shown, or None.
    """

    participant: str
    session: str
    algorithm: str
    trial: int
    practice: bool
    real: Side
    answer: Side | None
    real_image: str
    fake_image: str
    order: float = 0.0
    response_ms: float | None = None
    shown_ms: tuple[float, float] | None = None
    dropped_frames: int | None = None
    lost_focus: bool | None = None

    @property
    def fooled(self) -> bool:
        """Whether the generated image was taken for the real one."""
        return self.answer == self.real

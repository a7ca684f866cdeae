"""Recovery codes: the last way in, where a project offers it."""

from datetime import datetime

from sqlalchemy import LargeBinary
from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped
from sqlalchemy.orm import mapped_column

from .base import Base
from .base import Id
from .base import foreign_key


class RecoveryCode(Base):
    """One of a user's codes, as a digest; it works once."""

    __tablename__ = "hanko_recovery_code"
    __table_args__ = (UniqueConstraint("user_id", "digest", name="uq_hanko_recovery_code_user_id_digest"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    user_id: Mapped[int] = mapped_column(Id, foreign_key("hanko_recovery_code.user_id", "hanko_user.id"))
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

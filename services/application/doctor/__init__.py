"""Is everything in order? Each finding says what was found and what to do about it."""

from services.application.doctor.examine import examine
from services.application.doctor.finding import Diagnosis, Severity

__all__ = ["Diagnosis", "Severity", "examine"]

"""The sample account of the demo, which uses what an administrator may configure.

`team` has the people, the stages and the hours, `rules` the rules file, `leads` what lies in the
local Kommo.
"""

from services.demo.sample.rules import sample_rules
from services.demo.sample.team import INBOX, NEW_REQUEST, SALES

__all__ = ["INBOX", "NEW_REQUEST", "SALES", "sample_rules"]

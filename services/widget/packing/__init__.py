"""The archive that Kommo takes: made here, and looked over as Kommo would (`fairlead widget`)."""

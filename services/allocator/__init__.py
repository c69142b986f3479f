"""The role that decides: inbound messages in, events of the accounts out."""

"""Why a lead went where it went: sentences from nothing but what events recorded (D10.2).

A sentence leaves out when its event happened: whoever shows it has the event's time.
"""

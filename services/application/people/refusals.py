"""Why something about people, keys and signing in is not done; a part of `refused.Code`."""

from typing import Literal

AccessCode = Literal[
    # Who asks.
    "proof_needed",  # of who they are: it was too long ago
    "not_yourself",
    # People and what they hold.
    "person_unknown",  # as far as they may know
    "person_disabled",
    "person_of_others",  # holds more than they could give
    "name_unusable",
    "login_unusable",
    "login_taken",
    "language_unknown",
    "role_of_installation",
    "manager_missing",
    "grant_beyond_giver",
    "grant_not_held",
    "grants_out_of_bounds",
    "last_operator",
    # Links.
    "link_not_valid",  # used, over, withdrawn or never given out
    "invitation_unknown",
    "invitation_over",
    # Keys.
    "key_unknown",
    "key_not_valid",
    "key_of_others",
    "key_beyond_maker",
    "key_days_out_of_bounds",
    "keys_by_people_only",
    "label_unusable",
    "scopes_unknown",
    # Signing in.
    "sign_in_wrong",
    "sign_in_wait",
    "step_over",
    "code_wrong",
    "codes_are_on",
    "codes_are_off",
    "codes_required",
    "password_too_short",
    "password_too_long",
    "password_common",
    "password_about_you",
    "session_unknown",
    "outer_not_here",
    "outer_not_true",
    "outer_without_role",
    "outer_taken",
    "passkey_not_true",
    "passkey_not_added",
    "passkey_unknown",
    "passkeys_not_here",
    # Deeds that move many leads.
    "wide_deed_held",
    "wide_deed_own",
    "wide_deed_refused",  # by a second person, today
    "wide_deed_unknown",
]

"""Who somebody is and what they may: people, keys, sessions, ways to sign in; no HTTP.

How it is used by whoever serves people:

    access = Access(pool, vault, settings)      # services.access.wiring, once in a process

    who = await caller_of_key(access, text, whence=..., request_id=...)
    who = await caller_of_session(access, cookie, whence=..., request_id=...)
    who is None                                 # 401: no valid key, nobody signed in
    who.in_account(32000001)                    # a Principal, or None: the unknown id's 404
    who.at_large()                              # a Principal for what is of no account
    who.accounts()                              # the accounts they may list; None for all

both of `services.application.callers`. Grants, keys and sessions are read from the database each
time, by one indexed query: whatever is revoked is so from the next request on, everywhere.
A session tells whether it is fresh (S32) and whether it is to be renewed: then call
`access.sessions.renew(cookie)` and set the cookie it answers. `services.access.sessions` has the
cookie's name and attributes, and the token against forged requests (S10).

`services.access.settings` names the address that passkeys and links are for; where a deed moves
many leads, `services.application.people.wide.require_not_too_wide` comes before it (S32).

What people do about people (invite, grant, make keys, sign in) are use cases like all others, in
`services.application.people`, with the role checked inside.
"""

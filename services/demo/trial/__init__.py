"""`make try`: an account of the week's people to click about in, with leads that come and go.

`sample` has the account and its rules, `life` lets leads come and people work, `door` lets whoever
tries it in as whomever they like, `run` puts it together.
"""

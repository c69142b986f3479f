"""The limit of open files: every connection is one, and the usual soft limit is 1,024."""

import resource

WANTED = 65_536


def allow_open_files() -> int:
    """Raise the soft limit as far as this process may; the limit that is now in force."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED if hard == resource.RLIM_INFINITY else min(WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return soft

#!/usr/bin/env python3
"""Ask a service's JSON page how it is: healthy.py URL [KEY.PATH [VALUE]].

Ends with 0 if the page answers, and what stands at the path is VALUE, or is neither empty nor zero where no VALUE is given. Of
tcp://HOST:PORT, with 0 if somebody listens there.
"""

import json
import socket
import sys
import urllib.parse
import urllib.request


def main(url: str, path: str = "", wanted: str | None = None) -> int:
    """Print what the page says at the path; return the exit code."""
    place = urllib.parse.urlsplit(url)
    try:
        if place.scheme == "tcp":
            socket.create_connection((place.hostname, place.port), timeout=5).close()
            print(f"{url}: listens")
            return 0
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - the URL stands in docker-compose.yml
            found = json.load(answer)
        for key in filter(None, path.split(".")):
            found = found[key]
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"{url}: {type(error).__name__}")
        return 1
    print(f"{path or url}: {found if path else 'answers'}")
    return 0 if (found == wanted if wanted is not None else found) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

#!/usr/bin/python3
"""An authentication manager for Orrery: says whose a token is.

    authentication_manager.py --url amqp://user:password@host/vhost --users users.json

users.json holds the SHA-256 of each token (printf %s TOKEN | sha256sum), and may be changed at any time:

    {"5e88…": {"owner": "ada", "role": "user", "expires_at": "2027-01-31T12:00:00Z"}, "6ca1…": {"owner": "bob"}}

A site puts its own directory of users in the place of this file. Orrery asks this service where its configuration says

    authentication = { service = "external", lifetime_s = 60, away = 300 }
"""
import hashlib

from bus_service import Refusal, WatchedFile, options_of, serve


def changed_owners(before, after):
    """The owners of entries that are there no more, or are others now. None: there are too many to name."""
    owners = {entry.get("owner") for token, entry in before.items() if after.get(token) != entry}
    return owners if len(owners) <= 100 else None


def main():
    options = options_of("Says whose a token is.", "--users", "the file of those who have tokens")
    users = WatchedFile(options.users)

    def identify(request):
        digest = hashlib.sha256(str(request.get("token")).encode()).hexdigest()
        entry = users.content.get(digest)
        if not entry:
            raise Refusal(401, "Nobody has this token.")
        return {"owner": entry["owner"], "role": entry.get("role", "user"), "expires_at": entry.get("expires_at")}

    def tell_of_changes(publish):
        before = users.content
        if users.read():
            owners = changed_owners(before, users.content)
            for body in [{}] if owners is None else [{"owner": owner} for owner in owners]:
                publish("authentication.changed", body)

    serve(options.url, options.prefix, "authentication", {"identify": identify}, tell_of_changes)


if __name__ == "__main__":
    main()

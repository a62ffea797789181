"""Tells people what needs them: looks at everything once a minute, remembers what it told, sends mail and webhooks."""
